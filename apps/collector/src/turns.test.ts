import { createTurns } from "./turns.ts";

describe("rounds", () => {
  it("run one after the other, also after one that failed", async () => {
    const order: string[] = [];
    const turns = createTurns(() => {});
    const slow = turns.add(async () => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      order.push("slow");
      throw new Error("it failed");
    });
    const next = turns.add(() => Promise.resolve(order.push("next")));
    await expect(slow).rejects.toThrow("it failed");
    await next;
    expect(order).toEqual(["slow", "next"]);
  });

  it("are left out while one runs, where nobody waits for them", async () => {
    const errors: unknown[] = [];
    let runs = 0;
    const turns = createTurns((error) => errors.push(error));
    const round = async (): Promise<void> => {
      runs++;
      await Promise.resolve();
      throw new Error("it failed");
    };
    turns.addUnlessWaiting(round);
    turns.addUnlessWaiting(round);
    await turns.add(() => Promise.resolve());
    expect(runs).toBe(1);
    expect(errors).toHaveLength(1);
  });

  it("that nobody waits for are not left out, and what they throw is told", async () => {
    const errors: unknown[] = [];
    const turns = createTurns((error) => errors.push(error));
    const round = (): Promise<void> => Promise.reject(new Error("it failed"));
    turns.addAlone(round);
    turns.addAlone(round);
    await turns.add(() => Promise.resolve());
    expect(errors).toHaveLength(2);
  });
});
