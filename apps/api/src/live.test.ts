import { describe, expect, it } from "@jest/globals";
import type { Batch, Bus, TableReader, TailOptions } from "@weir/bus";
import { flowRecordBytes, createFlowEncoder, flowLayout } from "@weir/codec";
import { IdentityIndex } from "@weir/identity";
import { createMetrics, silentLog } from "@weir/runtime";
import type { FlowLine } from "./answers.ts";
import { createLiveFlows } from "./live.ts";
import type { TailItem } from "./live-tail.ts";

/** A carrier that hands over what the test says, so that the order of events is the test's own. */
function scriptedBus(): { bus: Bus; deliver: (value: Uint8Array) => void; tails: () => number } {
  const open = new Set<TailOptions>();
  const readTail = async (options: TailOptions): Promise<TableReader> => {
    open.add(options);
    const close = async (): Promise<void> => void open.delete(options);
    return { caughtUp: Promise.resolve(), close, [Symbol.asyncDispose]: close };
  };
  return {
    bus: { readTail } as unknown as Bus,
    tails: () => open.size,
    deliver(value) {
      const message = {
        topic: "t",
        partition: 0,
        offset: 0n,
        key: null,
        value,
        timestampMs: 0,
        headers: {},
      };
      const batch: Batch = { topic: "t", partition: 0, messages: [message] };
      for (const tail of open) tail.onBatch(batch);
    },
  };
}

function block(ports: number[]): Uint8Array {
  const records = new Uint8Array(ports.length * flowRecordBytes);
  const view = new DataView(records.buffer);
  for (const [row, port] of ports.entries()) {
    view.setUint16(row * flowRecordBytes + flowLayout.dst_port.offset, port, true);
    view.setUint8(row * flowRecordBytes + flowLayout.protocol.offset, 6);
    view.setUint8(row * flowRecordBytes + flowLayout.verdict.offset, port === 1 ? 2 : 1);
  }
  const encoder = createFlowEncoder();
  const header = {
    node: "n",
    bootId: "b",
    block: 1,
    clockOffsetNs: 1_700_000_000_000_000_000n,
    ...{ rules: [], processes: [], names: [] },
  };
  const out = new Uint8Array(encoder.maxBytes(header, ports.length));
  return out.subarray(0, encoder.encode(header, records, ports.length, out));
}

function liveOn(bus: Bus, maxQueued = 100): ReturnType<typeof createLiveFlows> {
  const counters = createMetrics("api").part("live");
  const log = silentLog();
  const identity = new IdentityIndex();
  return createLiveFlows({ bus, identity, maxClients: 2, maxQueued, log, counters });
}

async function take(
  items: AsyncIterable<TailItem<FlowLine>>,
  count: number,
): Promise<(number | string)[]> {
  const taken: (number | string)[] = [];
  for await (const next of items) {
    taken.push("missed" in next ? `missed ${next.missed}` : (next.item.destination.port ?? -1));
    if (taken.length === count) break;
  }
  return taken;
}

describe("the live tail", () => {
  it("gives each subscriber what it asked for, and reads only while somebody listens", async () => {
    const { bus, deliver, tails } = scriptedBus();
    const live = liveOn(bus);
    expect(tails()).toBe(0);
    const all = await live.subscribe(() => true);
    const denied = await live.subscribe((flow) => flow.verdict === "denied");
    expect(tails()).toBe(1);
    deliver(block([80, 1, 443]));
    expect(await take(all, 3)).toEqual([80, 1, 443]);
    expect(await take(denied, 1)).toEqual([1]);
    await live[Symbol.asyncDispose]();
    expect(tails()).toBe(0);
  });

  it("says how many a slow reader missed, and goes on with the newest", async () => {
    const { bus, deliver } = scriptedBus();
    const live = liveOn(bus, 16);
    const slow = await live.subscribe(() => true);
    deliver(block(Array.from({ length: 20 }, (_, at) => 1000 + at)));
    expect(await take(slow, 3)).toEqual(["missed 4", 1004, 1005]);
  });

  it("is not ended by a block that cannot be read", async () => {
    const { bus, deliver } = scriptedBus();
    const live = liveOn(bus);
    const all = await live.subscribe(() => true);
    deliver(new Uint8Array([1, 2, 3]));
    deliver(block([80]));
    expect(await take(all, 1)).toEqual([80]);
  });

  it("refuses more subscribers than there may be, and takes one again when one has left", async () => {
    const live = liveOn(scriptedBus().bus);
    const first = await live.subscribe(() => true);
    await live.subscribe(() => true);
    await expect(live.subscribe(() => true)).rejects.toThrow("2 live tails are open");
    first[Symbol.dispose]();
    await expect(live.subscribe(() => true)).resolves.toBeDefined();
  });

  it("ends the iteration of its subscribers when it is disposed", async () => {
    const live = liveOn(scriptedBus().bus);
    const all = await live.subscribe(() => true);
    const ended = take(all, 1);
    await live[Symbol.asyncDispose]();
    expect(await ended).toEqual([]);
  });
});
