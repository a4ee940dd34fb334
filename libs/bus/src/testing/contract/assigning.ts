import type { GroupReader } from "../../bus.ts";
import { eventually, freshName } from "../carriers.ts";
import type { Bench } from "./bench.ts";
import { never } from "./bench.ts";

export function assigning(bench: Bench): void {
  describe("a member that is being given partitions", () => {
    it("stores nothing of what was read before once the group's positions have been looked up", async () => {
      const name = await bench.topic({ partitions: 2 });
      const group = freshName("group");
      const outcomes: unknown[] = [];
      const reader: GroupReader = await bench.bus.readGroup({
        group,
        topics: [name],
        maxBatchMessages: 10,
        onBatch: never,
        onAssigned: async ({ positions: [own] }) => {
          // The first time there is no reader yet to commit with.
          if (outcomes.push("assigned") === 1) return;
          const late = { ...own, topic: name, partition: own?.partition ?? 0, offset: 7n };
          const stored = reader.commit([{ ...late, metadata: "late" }]);
          outcomes.push(await stored.catch((error: unknown) => error));
        },
      });
      await bench.collect([name], group);
      await eventually(() => expect(outcomes.length).toBeGreaterThanOrEqual(3));
      expect(outcomes[2]).toMatchObject({ code: "fenced" });
    });
  });
}
