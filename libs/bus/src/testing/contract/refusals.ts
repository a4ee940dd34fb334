import { eventually, freshName } from "../carriers.ts";
import type { Bench } from "./bench.ts";
import { bytes } from "./bench.ts";

export function refusals(bench: Bench): void {
  describe("refuses", () => {
    it("topics that nobody made", async () => {
      await bench.topic();
      const missing = freshName("missing");
      const unknown = { code: "unknown_topic", message: expect.stringMatching(/ensureTopics/) };
      await expect(bench.bus.send(missing, [{ key: "k", value: null }])).rejects.toMatchObject(
        unknown,
      );
      await expect(bench.collect([missing])).rejects.toMatchObject(unknown);
      await expect(
        bench.bus.readTable({ topic: missing, onRecord: () => undefined }),
      ).rejects.toMatchObject(unknown);
      await expect(bench.bus.lag("group", missing)).rejects.toMatchObject(unknown);
    });

    it("a message without key on a compacted topic", async () => {
      const name = await bench.topic({ compacted: true });
      const send = bench.bus.send(name, [{ key: null, value: bytes("x") }]);
      await expect(send).rejects.toMatchObject({ code: "invalid" });
      expect(bench.bus.counters()).toMatchObject({ sentMessages: 0, refusedMessages: 1 });
    });

    it("a message past maxMessageBytes, and only that one", async () => {
      const name = await bench.topic();
      const large = bench.bus.send(name, [{ key: "k", value: new Uint8Array(5 << 20) }]);
      const small = bench.bus.send(name, [{ key: "k", value: bytes("small") }]);
      await expect(large).rejects.toMatchObject({ code: "too_large" });
      await small;
      const { got } = await bench.collect([name]);
      await eventually(() => expect(got.texts()).toEqual(["small"]));
    });

    it("everything after close, which may be called again", async () => {
      const name = await bench.topic();
      await bench.bus.send(name, [{ key: "k", value: bytes("x") }]);
      await Promise.all([bench.bus.close(), bench.bus.close()]);
      await bench.bus.close();
      const closed = { code: "closed" };
      await expect(bench.bus.send(name, [{ key: "k", value: null }])).rejects.toMatchObject(closed);
      await expect(bench.collect([name])).rejects.toMatchObject(closed);
      await expect(
        bench.bus.readTail({ topic: name, onBatch: () => undefined }),
      ).rejects.toMatchObject(closed);
      await expect(bench.topic()).rejects.toMatchObject(closed);
    });
  });
}
