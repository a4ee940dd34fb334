/* oxlint-disable max-lines-per-function -- a suite of tests is one function */
import { eventually } from "../carriers.ts";
import type { Bench } from "./bench.ts";
import { bytes, sorted, text } from "./bench.ts";

export function tables(bench: Bench): void {
  describe("a table", () => {
    const follow = async (name: string) => {
      const state = new Map<string, string | null>();
      const seen: [string, string | null][] = [];
      const errors: Error[] = [];
      const reader = await bench.bus.readTable({
        topic: name,
        onRecord: (key, value) => {
          seen.push([key, text(value)]);
          if (value === null) state.delete(key);
          else state.set(key, text(value));
        },
        onError: (error) => errors.push(error),
      });
      return { state, seen, errors, reader };
    };

    it("has the newest value per key, from the beginning and as it comes", async () => {
      const name = await bench.topic({ compacted: true });
      await bench.bus.send(name, [
        { key: "a", value: bytes("1") },
        { key: "b", value: bytes("1") },
        { key: "a", value: bytes("2") },
        { key: "c", value: bytes("1") },
        { key: "c", value: null },
      ]);
      const { state, reader, seen } = await follow(name);
      await reader.caughtUp;
      expect(Object.fromEntries(state)).toEqual({ a: "2", b: "1" });
      await bench.bus.send(name, [
        { key: "b", value: null },
        { key: "d", value: bytes("1") },
      ]);
      await eventually(() => expect(Object.fromEntries(state)).toEqual({ a: "2", d: "1" }));
      expect(seen.at(-2)).toEqual(["b", null]);
      await reader.close();
    });

    it("has caught up at once where there is nothing", async () => {
      const name = await bench.topic({ compacted: true });
      const { state, reader } = await follow(name);
      await reader.caughtUp;
      expect(state.size).toBe(0);
      await bench.bus.send(name, [{ key: "a", value: bytes("1") }]);
      await eventually(() => expect(state.get("a")).toBe("1"));
    });

    it("stays short of what was sent though every key was sent 200 times", async () => {
      const name = await bench.topic({ compacted: true });
      for (let round = 0; round < 200; round++) {
        const value = bytes(`${round}`);
        await bench.bus.send(
          name,
          ["a", "b", "c"].map((key) => ({ key, value })),
        );
      }
      const { state, reader } = await follow(name);
      await reader.caughtUp;
      expect(Object.fromEntries(state)).toEqual({ a: "199", b: "199", c: "199" });
    });

    it("goes on after a record that its owner could not take", async () => {
      const name = await bench.topic({ compacted: true });
      const errors: Error[] = [];
      const seen: string[] = [];
      await bench.bus.readTable({
        topic: name,
        onRecord: (key) => {
          seen.push(key);
          if (key === "bad") throw new Error("cannot take it");
        },
        onError: (error) => errors.push(error),
      });
      await bench.bus.send(
        name,
        ["a", "bad", "b"].map((key) => ({ key, value: bytes("1") })),
      );
      await eventually(() => expect(seen).toEqual(["a", "bad", "b"]));
      expect(errors.map((error) => error.message)).toEqual(["cannot take it"]);
    });

    it("says nothing more once it is closed", async () => {
      const name = await bench.topic({ compacted: true });
      const { seen, reader } = await follow(name);
      await reader.caughtUp;
      await reader.close();
      await bench.bus.send(name, [{ key: "a", value: bytes("1") }]);
      const other = await follow(name);
      await other.reader.caughtUp;
      expect(other.seen).toHaveLength(1);
      expect(seen).toEqual([]);
    });
  });

  describe("a tail", () => {
    it("sees what is sent from now on, in all partitions, and commits nothing", async () => {
      const name = await bench.topic({ partitions: 3 });
      await bench.bus.send(name, [{ key: "old", value: bytes("old") }]);
      const seen: (string | null)[] = [];
      const reader = await bench.bus.readTail({
        topic: name,
        onBatch: (batch) => void seen.push(...batch.messages.map((message) => text(message.value))),
      });
      await bench.bus.send(
        name,
        ["a", "b", "c", "d"].map((key) => ({ key, value: bytes(key) })),
      );
      await eventually(() => expect(sorted(seen)).toEqual(["a", "b", "c", "d"]));
      await reader.close();
      await bench.bus.send(name, [{ key: "late", value: bytes("late") }]);
      const { got } = await bench.collect([name]);
      await eventually(() => expect(got.messages).toHaveLength(6));
      expect(seen).toHaveLength(4);
    });
  });
}
