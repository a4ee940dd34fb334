/* oxlint-disable max-lines-per-function -- a suite of tests is one function */
import { partitionOf } from "../../partitioner.ts";
import { eventually } from "../carriers.ts";
import type { Bench } from "./bench.ts";
import { bytes, sorted, text } from "./bench.ts";

export function carries(bench: Bench): void {
  describe("carries", () => {
    it("10,000 messages, each partition in order, each key in its partition", async () => {
      const name = await bench.topic({ partitions: 4 });
      const keys = Array.from({ length: 40 }, (_, index) => `node-${index}`);
      const sends: Promise<void>[] = [];
      for (let start = 0; start < 10_000; start += 500) {
        const messages = Array.from({ length: 500 }, (_, index) => {
          const number = start + index;
          return { key: keys[number % keys.length] as string, value: bytes(String(number)) };
        });
        sends.push(bench.bus.send(name, messages));
      }
      await Promise.all(sends);
      const { got } = await bench.collect([name]);
      await eventually(() => expect(got.messages).toHaveLength(10_000));
      const last = new Map<string, number>();
      const nextOffset = new Map<number, bigint>();
      for (const { key, value, partition, offset } of got.messages) {
        expect(partition).toBe(partitionOf(key as string, 4));
        expect(Number(text(value))).toBeGreaterThan(last.get(key as string) ?? -1);
        last.set(key as string, Number(text(value)));
        if (nextOffset.has(partition)) expect(offset).toBe(nextOffset.get(partition));
        nextOffset.set(partition, offset + 1n);
      }
      expect(nextOffset.size).toBe(4);
    });

    it("keys, values and headers as they are, absent and empty ones too", async () => {
      const name = await bench.topic();
      const before = Date.now() - 1000;
      await bench.bus.send(name, [
        {
          key: "é語😀",
          value: Uint8Array.of(0, 255, 128),
          headers: { station: "collector", empty: "" },
        },
        { key: null, value: null },
        { key: "", value: new Uint8Array(0) },
      ]);
      const { got } = await bench.collect([name]);
      await eventually(() => expect(got.messages).toHaveLength(3));
      const [first, second, third] = got.messages;
      expect(first).toMatchObject({
        topic: name,
        partition: 0,
        key: "é語😀",
        headers: { station: "collector", empty: "" },
      });
      expect([...(first?.value ?? [])]).toEqual([0, 255, 128]);
      expect(first?.timestampMs).toBeGreaterThan(before);
      expect(first?.timestampMs).toBeLessThan(Date.now() + 1000);
      expect(second).toMatchObject({ key: null, value: null, headers: {} });
      expect(third?.key).toBe("");
      expect(third?.value).toHaveLength(0);
      expect(third?.value).not.toBeNull();
    });

    it("messages of 1 MiB and more", async () => {
      const name = await bench.topic();
      const sizes = [1 << 20, 3 << 20, 17];
      const values = sizes.map((size, seed) =>
        Uint8Array.from({ length: size }, (_, index) => (index * 31 + (index >> 8) + seed) & 0xff),
      );
      await bench.bus.send(
        name,
        values.map((value) => ({ key: "k", value })),
      );
      const { got } = await bench.collect([name]);
      await eventually(() => expect(got.messages).toHaveLength(3));
      for (const [index, value] of values.entries()) {
        expect(Buffer.compare(got.messages[index]?.value as Uint8Array, value)).toBe(0);
      }
    });

    it("what a buffer held when it was sent, though the sender goes on to reuse it", async () => {
      const name = await bench.topic();
      const buffer = bytes("first");
      await bench.bus.send(name, [{ key: "k", value: buffer }]);
      buffer.fill(0x78);
      const { got } = await bench.collect([name]);
      await eventually(() => expect(got.texts()).toEqual(["first"]));
    });

    it("everything to each of two groups", async () => {
      const name = await bench.topic({ partitions: 2 });
      const [one, two] = await Promise.all([bench.collect([name]), bench.collect([name])]);
      await bench.bus.send(
        name,
        ["a", "b", "c"].map((key) => ({ key, value: bytes(key) })),
      );
      await eventually(() => {
        expect(sorted(one.got.texts())).toEqual(["a", "b", "c"]);
        expect(sorted(two.got.texts())).toEqual(["a", "b", "c"]);
      });
    });

    it("several topics to one reader", async () => {
      const [first, second] = [await bench.topic(), await bench.topic({ partitions: 2 })];
      const { got } = await bench.collect([first, second]);
      expect(got.assignments[0]).toHaveLength(3);
      await bench.bus.send(first, [{ key: "k", value: bytes("1") }]);
      await bench.bus.send(second, [{ key: "k", value: bytes("2") }]);
      await eventually(() => expect(sorted(got.texts())).toEqual(["1", "2"]));
    });

    it("never more than maxBatchMessages at once", async () => {
      const name = await bench.topic();
      await bench.bus.send(
        name,
        Array.from({ length: 25 }, (_, n) => ({ key: "k", value: bytes(`${n}`) })),
      );
      const { got } = await bench.collect([name], undefined, 10);
      await eventually(() => expect(got.messages).toHaveLength(25));
      for (const batch of got.batches) expect(batch.messages.length).toBeLessThanOrEqual(10);
    });
  });

  it("makes topics once: a second time changes nothing", async () => {
    const name = await bench.topic({ partitions: 3 });
    await bench.bus.send(name, [{ key: "k", value: bytes("x") }]);
    await bench.topic({ name, partitions: 1 });
    const { got } = await bench.collect([name]);
    await eventually(() => expect(got.texts()).toEqual(["x"]));
    expect(got.assignments[0]).toHaveLength(3);
  });

  it("counts what it carried", async () => {
    const name = await bench.topic();
    await bench.bus.send(
      name,
      ["12345", "678"].map((value) => ({ key: "k", value: bytes(value) })),
    );
    const { got } = await bench.collect([name]);
    await eventually(() => expect(got.messages).toHaveLength(2));
    expect(bench.bus.counters()).toMatchObject({
      sentMessages: 2,
      sentBytes: 8,
      refusedMessages: 0,
      readMessages: 2,
      inFlightBytes: 0,
      skippedMessages: 0,
    });
  });
}
