import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { createMemoryBus, topics } from "@weir/bus";
import { loadConfig, silentLog } from "@weir/runtime";
import { openEmbeddedStore } from "@weir/store";
import type { Store } from "@weir/store";
import { enricherConfig } from "./config.ts";
import { startEnricher } from "./enricher.ts";
import { earlierBlock } from "./testing/earlier-block.ts";
import { block, flow } from "./testing/messages.ts";

let directory: string;
let store: Store;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "weir-upgrade-"));
  store = await openEmbeddedStore({ directory });
});
afterAll(async () => {
  await store.close();
  rmSync(directory, { recursive: true, force: true });
});

it("an upgrade loses nothing: blocks of before it are stored, between those of after it, once", async () => {
  await using bus = createMemoryBus();
  await bus.ensureTopics(Object.values(topics));
  const earlier = [1, 2, 4].map((number) => ({
    key: "n1",
    value: earlierBlock(number, [80, 443, number]),
  }));
  const [first, second, fourth] = earlier;
  const third = block(3, [flow("10.0.0.1", "10.0.0.2", { dst_port: 8080, srtt_us: 70 })]);
  // Left on the topic; then what a collector had in its spool, which is new by now; some come twice.
  await bus.send(topics.flows.name, [first!, second!, third, fourth!, second!]);
  const config = loadConfig(enricherConfig, {
    overrides: { batch: { maxWaitMs: 20 }, identity: { headStartMs: 0, windowMs: 0 } },
  });
  await using enricher = await startEnricher(config, { bus, store, log: silentLog() });
  expect(await enricher.drain(10_000)).toBe(true);

  expect(await store.query("SELECT count() AS n FROM dead_letters")).toEqual([{ n: 0 }]);
  expect(
    await store.query(
      "SELECT block, groupArray(dst_port) AS ports FROM (SELECT block, dst_port FROM flows ORDER BY dst_port) GROUP BY block ORDER BY block",
    ),
  ).toEqual([
    { block: 1, ports: [1, 80, 443] },
    { block: 2, ports: [2, 80, 443] },
    { block: 3, ports: [8080] },
    { block: 4, ports: [4, 80, 443] },
  ]);
  const columns =
    "src_ip, dst_ip, packets, bytes, reply_packets, reply_bytes, verdict, reason, generation, close_reason, srtt_us, dns_name";
  expect(await store.query(`SELECT ${columns} FROM flows WHERE dst_port = 443 LIMIT 1`)).toEqual([
    {
      ...{ src_ip: "10.0.0.1", dst_ip: "10.0.0.2", packets: 5, bytes: 500, reply_packets: 4 },
      ...{ reply_bytes: 400, verdict: "denied", reason: "default-deny ingress (shop/cart)" },
      ...{ generation: 3, close_reason: "none", srtt_us: null, dns_name: "" },
    },
  ]);
  expect(await store.query("SELECT sum(rows) AS n FROM edges_1d")).toEqual([{ n: 10 }]);
});
