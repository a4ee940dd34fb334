import type { Batch, GroupReader } from "../../bus.ts";
import { partitionOf } from "../../partitioner.ts";
import { eventually, freshName } from "../carriers.ts";
import type { Bench } from "./bench.ts";
import { after, bytes, never } from "./bench.ts";

export function members(bench: Bench): void {
  describe("two members of a group", () => {
    it("share the partitions, and what one leaves goes to the other", async () => {
      const name = await bench.topic({ partitions: 4 });
      const group = freshName("group");
      const commit = (batch: Batch, reader: GroupReader): Promise<void> =>
        reader.commit(after(batch));
      const one = await bench.collect([name], group, 10, commit);
      expect(one.got.assignments.at(-1)).toHaveLength(4);
      const send = (from: number): Promise<void> =>
        bench.bus.send(
          name,
          Array.from({ length: 40 }, (_, n) => ({ key: `k${n}`, value: bytes(`${from + n}`) })),
        );
      await send(0);
      await eventually(() => expect(new Set(one.got.texts()).size).toBe(40));
      await eventually(async () => expect(await bench.bus.lag(group, name)).toBe(0n));

      const two = await bench.collect([name], group, 10, commit);
      await eventually(() => {
        const shares = [one, two].map(({ got }) => got.assignments.at(-1) ?? []);
        expect(shares.map((share) => share.length)).toEqual([2, 2]);
        expect(new Set(shares.flat().map((position) => position.partition)).size).toBe(4);
        // What is committed is not delivered again.
        for (const { offset } of shares.flat()) expect(offset).toBeGreaterThan(0n);
      });
      await send(40);
      await eventually(() => {
        const all = new Set([...one.got.texts(), ...two.got.texts()]);
        expect(all.size).toBe(80);
      });
      expect(two.got.messages.length).toBeGreaterThan(0);
      expect(one.got.messages.length + two.got.messages.length).toBe(80);

      await two.reader.close();
      await eventually(() => expect(one.got.assignments.at(-1)).toHaveLength(4));
      await send(80);
      await eventually(() => {
        expect(new Set([...one.got.texts(), ...two.got.texts()]).size).toBe(120);
      });
      const lost = one.got.errors.filter((error) => !/fenced|anew/.test(error.message));
      expect(lost).toEqual([]);
    });

    it("read again what was in hand and not committed when the second came", async () => {
      const name = await bench.topic({ partitions: 2 });
      const group = freshName("group");
      const one = await bench.collect([name], group, 1, never);
      const keys = ["a", "b", "c", "d"];
      await bench.bus.send(
        name,
        keys.map((key) => ({ key, value: bytes(key) })),
      );
      await eventually(() => expect(one.got.batches).toHaveLength(2));
      const two = await bench.collect([name], group, 1, (batch, reader) =>
        reader.commit(after(batch)),
      );
      await eventually(() => {
        const own = two.got.assignments.at(-1)?.[0]?.partition;
        const expected = keys.filter((key) => partitionOf(key, 2) === own);
        expect(expected.length).toBeGreaterThan(0);
        expect(two.got.texts()).toEqual(expected);
      });
      const lost = two.got.assignments.at(-1)?.[0]?.partition as number;
      const late = { topic: name, partition: lost, offset: 1n, metadata: "" };
      await expect(one.reader.commit([late])).rejects.toMatchObject({ code: "fenced" });
    });
  });
}
