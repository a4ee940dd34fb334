import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, describe, expect, it } from "@jest/globals";
import { createKafkaBus } from "@weir/bus";
import { brokerMissing, startBroker } from "@weir/kafka";
import { readSink } from "./testing/mortal-function.ts";

const missing = brokerMissing();
if (missing !== undefined) process.stderr.write(`skipped, no Kafka broker: ${missing}\n`);
const onBroker = missing === undefined ? describe : describe.skip;

const folder = mkdtempSync(join(tmpdir(), "weir-functions-"));
const children: ChildProcess[] = [];
afterAll(() => {
  for (const child of children) child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

function start(...args: string[]): ChildProcess {
  const script = new URL("testing/mortal-function.ts", import.meta.url).pathname;
  const child = spawn(process.execPath, [script, ...args], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  children.push(child);
  return child;
}

onBroker("a function on a broker, killed between its sink and its commit", () => {
  it("comes back with the same batches under the same tokens: nothing missing, nothing twice", async () => {
    await using broker = await startBroker();
    await using bus = createKafkaBus({ brokers: [broker.address] });
    const topic = "mortal.v1";
    await bus.ensureTopics([{ name: topic, partitions: 2, compacted: false }]);
    const sink = join(folder, "sink");
    const values = Array.from({ length: 60 }, (_, at) => `v${at}`);
    const send = (from: number, to: number): Promise<void> =>
      bus.send(
        topic,
        values.slice(from, to).map((value) => ({ key: value, value: Buffer.from(value) })),
      );

    await send(0, 40);
    const first = start(broker.address, topic, sink, "3");
    const [, signal] = (await once(first, "exit")) as [number | null, string | null];
    expect(signal).toBe("SIGKILL");
    const before = readSink(sink);
    expect(before.length).toBeGreaterThanOrEqual(3);

    await send(40, 60);
    const second = start(broker.address, topic, sink, "0");
    const stored = (): string[] =>
      readSink(sink).flatMap((line) => (line.known ? [] : line.values));
    const deadline = Date.now() + 60_000;
    while (stored().length < values.length && Date.now() < deadline) await pause(50);
    second.kill("SIGTERM");
    await once(second, "exit");

    expect(stored().sort()).toEqual([...values].sort());
    const lines = readSink(sink);
    const again = lines.filter((line) => line.known);
    expect(again.length).toBeGreaterThanOrEqual(1);
    for (const line of again) {
      expect(line.replayed).toBe(true);
      expect(line.values).toEqual(lines.find((one) => one.token === line.token)?.values);
    }
    expect(await bus.lag("weir.mortal", topic)).toBe(0n);
  }, 120_000);
});
