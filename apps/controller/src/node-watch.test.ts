import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { createMemoryBus, topics } from "@weir/bus";
import type { Bus } from "@weir/bus";
import { nodeReportCodec } from "@weir/codec";
import { createMetrics, silentLog } from "@weir/runtime";
import { NodeWatch } from "./node-watch.ts";

let bus: Bus;

beforeEach(async () => {
  bus = createMemoryBus();
  await bus.ensureTopics(Object.values(topics));
});
afterEach(() => bus.close());

async function report(node: string, revision: number): Promise<void> {
  const value = nodeReportCodec.encode({
    ...{ node, boot_id: "b", time: 1, version: "0", generation: 1, revision, mode: "observe" },
    ...{ error: null, attached: [], hooks: {}, blocks: 0, produced: 0 },
    ...{ lost: {}, counters: {}, odometers: [] },
  });
  await bus.send(topics.nodes.name, [{ key: node, value }]);
}

/** As from nodes whose clocks are behind by that much. */
function setBack(lateMs: number): void {
  const readTable = bus.readTable.bind(bus);
  bus.readTable = (options) =>
    readTable({
      ...options,
      onRecord: (key, value, message) =>
        options.onRecord(key, value, { ...message, timestampMs: message.timestampMs - lateMs }),
    });
}

async function watch(): Promise<NodeWatch & { heard: string[] }> {
  const heard: string[] = [];
  const nodes = new NodeWatch({
    ...{ bus, log: silentLog(), counters: createMetrics("controller").part("nodes") },
    ...{ staleMs: 10_000, onReport: ({ node }) => heard.push(node) },
  });
  await nodes.start();
  return Object.assign(nodes, { heard });
}

describe("what nodes hold", () => {
  it("is not waited for where the report lay there from a node that has gone since", async () => {
    await report("gone", 3);
    setBack(60_000);
    const nodes = await watch();
    expect([nodes.heard, nodes.confirmed(4), nodes.revision]).toEqual([["gone"], true, 3]);
    await nodes.close();
  });

  it("counts though the node's clock is behind", async () => {
    setBack(60_000);
    const nodes = await watch();
    await report("n1", 3);
    while (nodes.heard.length === 0) await new Promise((resolve) => setImmediate(resolve));
    expect([nodes.confirmed(3), nodes.confirmed(4)]).toEqual([true, false]);
    await nodes.close();
  });
});
