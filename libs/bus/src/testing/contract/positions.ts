/* oxlint-disable max-lines-per-function -- a suite of tests is one function */
import type { Batch, Position } from "../../bus.ts";
import { eventually, freshName } from "../carriers.ts";
import type { Bench } from "./bench.ts";
import { after, bytes, never, text } from "./bench.ts";

export function positions(bench: Bench): void {
  describe("positions", () => {
    it("come back with their metadata, and reading goes on from there", async () => {
      const name = await bench.topic();
      await bench.bus.send(
        name,
        ["a", "b", "c"].map((value) => ({ key: "k", value: bytes(value) })),
      );
      const first = await bench.collect([name], undefined, 1, async (batch, reader) => {
        if (text(batch.messages[0]?.value ?? null) === "a")
          await reader.commit(after(batch, "intent 1-2 é"));
        else await never();
      });
      expect(first.got.assignments).toEqual([
        [{ topic: name, partition: 0, offset: -1n, metadata: "" }],
      ]);
      await eventually(() => expect(first.got.texts()).toEqual(["a", "b"]));
      const committed = (first.got.messages[0]?.offset ?? 0n) + 1n;
      await first.reader.close();
      const second = await bench.collect([name], first.group);
      expect(second.got.assignments).toEqual([
        [{ topic: name, partition: 0, offset: committed, metadata: "intent 1-2 é" }],
      ]);
      await eventually(() => expect(second.got.texts()).toEqual(["b", "c"]));
    });

    it("may be committed outside the handler, again and again, and without metadata", async () => {
      const name = await bench.topic();
      await bench.bus.send(name, [{ key: "k", value: bytes("a") }]);
      const { reader, got, group } = await bench.collect([name]);
      await eventually(() => expect(got.batches).toHaveLength(1));
      const [position] = after(got.batches[0] as Batch) as [Position];
      await reader.commit([
        { ...position, offset: position.offset - 1n, metadata: "x".repeat(1024) },
      ]);
      await Promise.all([reader.commit([position]), reader.commit([position])]);
      await reader.close();
      const again = await bench.collect([name], group);
      expect(again.got.assignments[0]).toEqual([position]);
    });

    it("take no more than 1 KiB of metadata", async () => {
      const name = await bench.topic();
      const { reader } = await bench.collect([name]);
      const position = { topic: name, partition: 0, offset: 0n, metadata: "é".repeat(513) };
      await expect(reader.commit([position])).rejects.toMatchObject({ code: "invalid" });
    });

    it("that were not committed are read again after a close", async () => {
      const name = await bench.topic();
      await bench.bus.send(
        name,
        ["a", "b"].map((value) => ({ key: "k", value: bytes(value) })),
      );
      const first = await bench.collect([name]);
      await eventually(() => expect(first.got.texts()).toEqual(["a", "b"]));
      await first.reader.close();
      const second = await bench.collect([name], first.group);
      await eventually(() => expect(second.got.texts()).toEqual(["a", "b"]));
      expect(second.got.messages.map((message) => message.offset)).toEqual(
        first.got.messages.map((message) => message.offset),
      );
    });

    it("make the lag", async () => {
      const name = await bench.topic({ partitions: 2 });
      const group = freshName("group");
      await bench.bus.send(
        name,
        Array.from({ length: 10 }, (_, n) => ({ key: `${n}`, value: bytes("x") })),
      );
      expect(await bench.bus.lag(group, name)).toBe(10n);
      const { got } = await bench.collect([name], group, 3, async (batch, reader) => {
        await reader.commit(after(batch));
      });
      await eventually(() => expect(got.messages).toHaveLength(10));
      await eventually(async () => expect(await bench.bus.lag(group, name)).toBe(0n));
      await bench.bus.send(name, [{ key: "k", value: bytes("x") }]);
      await eventually(async () => expect(await bench.bus.lag(group, name)).toBe(0n));
    });

    it("of a partition that is not read here are refused as fenced", async () => {
      const [name, other] = [await bench.topic(), await bench.topic()];
      const { reader } = await bench.collect([name]);
      const position = { topic: other, partition: 0, offset: 1n, metadata: "" };
      await expect(reader.commit([position])).rejects.toMatchObject({ code: "fenced" });
    });

    it("are refused after a close", async () => {
      const name = await bench.topic();
      const { reader } = await bench.collect([name]);
      await reader.close();
      const position = { topic: name, partition: 0, offset: 1n, metadata: "" };
      await expect(reader.commit([position])).rejects.toMatchObject({ code: "closed" });
    });
  });
}
