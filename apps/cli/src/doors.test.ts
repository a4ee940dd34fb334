import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { kafkaOptions, openStore } from "./doors.ts";
import { upSettings } from "./up/settings.ts";

describe("kafkaOptions", () => {
  it.each([
    ["kafka://127.0.0.1:9092", ["127.0.0.1:9092"]],
    ["kafka://a:1,b.example:2/", ["a:1", "b.example:2"]],
    ["kafka://[::1]:9092", ["[::1]:9092"]],
  ])("reads %s", (address, brokers) => {
    expect(kafkaOptions(address)).toEqual({ brokers, producer: "kafkajs" });
  });

  it.each(["kafkajs", "platformatic"])("reads who sends: %s", (producer) => {
    const brokers = ["a:1", "b:2"];
    expect(kafkaOptions(`kafka://a:1,b:2?producer=${producer}`)).toEqual({ brokers, producer });
    expect(kafkaOptions(`kafka://a:1,b:2/?producer=${producer}`)).toEqual({ brokers, producer });
  });

  it.each([
    "kafka",
    "kafka://",
    "kafka://host",
    "http://a:1",
    "kafka://a:1,",
    "memory:",
    "kafka://a:1?producer=x",
  ])("refuses %s with the forms there are", (address) => {
    expect(() => kafkaOptions(address)).toThrow(/give memory, or kafka:\/\/HOST:PORT/);
  });
});

describe("the store that is opened", () => {
  it("keeps rows for the days of the settings, and for what it was told before", async () => {
    const directory = mkdtempSync(join(tmpdir(), "weir-doors-"));
    const days = async (text: string): Promise<string[]> => {
      const config = join(directory, "up.yaml");
      writeFileSync(config, text);
      const settings = upSettings({ flows: false, config, data: directory }, {});
      await using store = await openStore(settings.store, settings.data, settings.retention);
      const rows = await store.query<{ days: string }>(
        "SELECT extract(create_table_query, 'toIntervalDay\\\\((\\\\d+)') AS days FROM system.tables WHERE database = 'weir' AND name IN ('edges_1h', 'flows', 'dead_letters') ORDER BY name",
      );
      return rows.map((row) => row.days);
    };
    try {
      expect(await days("")).toEqual(["30", "400", "30"]);
      expect(await days("retention: {flowDays: 90, deadLetterDays: 7}")).toEqual([
        "7",
        "400",
        "90",
      ]);
      // Another process that says nothing of it changes nothing.
      expect(await days("retention: {hourDays: 60}")).toEqual(["7", "60", "90"]);
      await expect(days("retention: {flowDays: 0}")).rejects.toThrow(/flowDays/);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
