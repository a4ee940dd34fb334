import type { Bus, OutgoingMessage } from "@weir/bus";
import { createFlowDecoder, flowRecordBytes } from "@weir/codec";
import { silentLog } from "@weir/runtime";
import { createBlockSender } from "./block-sender.ts";
import type { BlockSender } from "./block-sender.ts";

/** A fake bus: takes nothing until it is told to, refuses as often as it is told to. */
class StubbornBus {
  readonly taken: OutgoingMessage[] = [];
  refusals = 0;
  #open: (() => void)[] = [];
  #isOpen = false;

  async send(_topic: string, messages: OutgoingMessage[]): Promise<void> {
    if (!this.#isOpen) await new Promise<void>((resolve) => this.#open.push(resolve));
    if (this.refusals-- > 0) throw new Error("broker is away");
    this.taken.push(...messages);
  }

  open(): void {
    this.#isOpen = true;
    for (const resolve of this.#open) resolve();
  }

  blocks(): { block: number; count: number; rules: number }[] {
    const decoder = createFlowDecoder();
    return this.taken.map(({ value }) => {
      const { block, count, rules } = decoder.decode(value as Uint8Array);
      return { block, count, rules: rules.length };
    });
  }
}

describe("blocks on their way to the bus", () => {
  let bus: StubbornBus;
  let sender: BlockSender;
  let block = 0;
  const records = new Uint8Array(100 * flowRecordBytes);

  beforeEach(() => {
    bus = new StubbornBus();
    block = 0;
    sender = createBlockSender({
      bus: bus as unknown as Bus,
      log: silentLog(),
      node: "node-1",
      bootId: "boot",
      maxPendingBytes: 10_000,
      nextBlock: () => ++block,
      lastBlock: 0,
      clockOffsetNs: () => 0n,
      rulesOf: () => [{ generation: 1, rule: 2, text: "why" }],
    });
  });

  it("go in order, numbered, keyed by the node", async () => {
    sender.add(records, 3);
    sender.add(records, 0);
    sender.add(records, 2);
    bus.open();
    expect(await sender.flush(5000)).toBe(true);
    expect(bus.blocks()).toEqual([
      { block: 1, count: 3, rules: 1 },
      { block: 2, count: 2, rules: 1 },
    ]);
    expect(bus.taken.every((one) => one.key === "node-1")).toBe(true);
    expect(sender.counters).toMatchObject({ blocks: 2, records: 5, pendingBytes: 0, lastBlock: 2 });
  });

  it("do not share the buffer they were made in", async () => {
    sender.add(records, 1);
    const other = records.slice();
    other.fill(7, 32, 48);
    sender.add(other, 1);
    bus.open();
    await sender.flush(5000);
    const decoder = createFlowDecoder();
    const packets = bus.taken.map((one) => decoder.decode(one.value as Uint8Array).packets[0]);
    expect(packets[0]).toBe(0);
    expect(packets[1]).not.toBe(0);
  });

  it("stop the reading when the bus is behind, and let it go on when it is not", async () => {
    while (!sender.full) sender.add(records, 100);
    let hasRoom = false;
    const room = sender.room().then(() => (hasRoom = true));
    await new Promise((resolve) => setImmediate(resolve));
    expect(hasRoom).toBe(false);
    bus.open();
    await room;
    expect(sender.full).toBe(false);
  });

  it("are tried again until the bus takes them, none is left out", async () => {
    bus.refusals = 3;
    bus.open();
    sender.add(records, 10);
    sender.add(records, 5);
    expect(await sender.flush(10_000)).toBe(true);
    expect(bus.blocks().map((one) => one.count)).toEqual([10, 5]);
    expect(sender.counters.retries).toBe(3);
  });

  it("given up are counted", async () => {
    bus.refusals = 1e9;
    bus.open();
    sender.add(records, 10);
    expect(await sender.flush(20)).toBe(false);
    sender.abandon();
    expect(await sender.flush(5000)).toBe(true);
    expect(sender.counters).toMatchObject({ abandonedRecords: 10, records: 0, pendingBytes: 0 });
  });
});
