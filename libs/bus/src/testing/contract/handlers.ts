import { partitionOf } from "../../partitioner.ts";
import { eventually } from "../carriers.ts";
import type { Bench } from "./bench.ts";
import { after, bytes, never } from "./bench.ts";

export function handlers(bench: Bench): void {
  describe("a handler", () => {
    it("that never ends holds up its own partition only, and no close", async () => {
      const name = await bench.topic({ partitions: 2 });
      const [stuck, free] = ["a", "b", "c", "d"].reduce<string[]>((keys, key) => {
        keys[partitionOf(key, 2)] ??= key;
        return keys;
      }, []) as [string, string];
      const { reader, got } = await bench.collect([name], undefined, 1, (batch) =>
        batch.partition === 0 ? never() : Promise.resolve(),
      );
      const send = (key: string, count: number): Promise<void> =>
        bench.bus.send(
          name,
          Array.from({ length: count }, (_, n) => ({ key, value: bytes(`${key}${n}`) })),
        );
      await send(stuck, 5);
      await send(free, 5);
      await eventually(() => expect(got.messages).toHaveLength(6));
      await send(free, 5);
      await eventually(() => expect(got.messages).toHaveLength(11));
      expect(got.messages.filter((message) => message.key === stuck)).toHaveLength(1);
      await reader.close();
    });

    it("that rejects is given the same batch again", async () => {
      const name = await bench.topic();
      let attempts = 0;
      const { got } = await bench.collect([name], undefined, 2, () => {
        attempts++;
        return attempts < 3 ? Promise.reject(new Error(`attempt ${attempts}`)) : Promise.resolve();
      });
      await bench.bus.send(
        name,
        ["a", "b", "c"].map((value) => ({ key: "k", value: bytes(value) })),
      );
      await eventually(() => expect(got.texts().slice(-1)).toEqual(["c"]));
      const [first, second, third] = got.batches;
      expect(second).toEqual(first);
      expect(third).toEqual(first);
      expect(got.errors.map((error) => error.message)).toEqual(["attempt 1", "attempt 2"]);
      expect(bench.bus.counters().retries).toBeGreaterThanOrEqual(2);
    });

    it("is in the middle of a batch when the reader is closed: it may still commit", async () => {
      const name = await bench.topic();
      const begun = Promise.withResolvers<void>();
      const goOn = Promise.withResolvers<void>();
      let committed = false;
      const { reader, group } = await bench.collect([name], undefined, 10, async (batch, own) => {
        begun.resolve();
        await goOn.promise;
        await own.commit(after(batch, "done"));
        committed = true;
      });
      await bench.bus.send(name, [{ key: "k", value: bytes("a") }]);
      await begun.promise;
      const closed = reader.close();
      goOn.resolve();
      await closed;
      expect(committed).toBe(true);
      const again = await bench.collect([name], group);
      expect(again.got.assignments[0]?.[0]?.metadata).toBe("done");
    });
  });
}
