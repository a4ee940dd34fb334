import { setTimeout as sleep } from "node:timers/promises";
import { beforeEach, describe, expect, it } from "@jest/globals";
import { policyChangeHeader } from "@weir/codec";
import { createMetrics } from "@weir/runtime";
import { DocumentIntake } from "./document-intake.ts";
import type { DocumentRecord } from "./document-intake.ts";

const metrics = createMetrics("controller");
let changes: string[];
let intake: DocumentIntake;
beforeEach(() => {
  changes = [];
  intake = new DocumentIntake({
    waitMs: 50,
    counters: metrics.part("documents"),
    onChange: (records) => changes.push(records.map((one) => one.key).join()),
  });
});

function record(key: string, change?: string): DocumentRecord {
  return { key, change: null, headers: change ? { [policyChangeHeader]: change } : {} };
}
const incomplete = (): Promise<number> =>
  metrics.value("errors_total", { part: "documents", code: "incomplete" });

describe("the intake of documents", () => {
  it("passes on what stands alone, and what says nonsense of its size", () => {
    for (const change of [undefined, "a 1", "b", "c x", "d -3"]) intake.take(record("k", change));
    expect(changes).toEqual(["k", "k", "k", "k", "k"]);
  });

  it("passes a change on when all of it is there, whatever comes between", () => {
    for (const one of [record("a", "x 3"), record("b", "x 3"), record("q"), record("c", "x 3")]) {
      intake.take(one);
    }
    expect(changes).toEqual(["q", "a,b,c"]);
  });

  it("keeps the order of changes of the same document", async () => {
    const before = await incomplete();
    intake.take(record("a", "x 2"));
    intake.take(record("a", "y 2"));
    intake.take(record("b", "y 2"));
    expect(changes).toEqual(["a", "a,b"]);
    expect(await incomplete()).toBe(before + 1);
  });

  it("does not wait for ever for the rest", async () => {
    const before = await incomplete();
    intake.take(record("a", "x 2"));
    while (changes.length === 0) await sleep(5);
    expect([changes, await incomplete()]).toEqual([["a"], before + 1]);
  });

  it("forgets what waits when it is closed", async () => {
    intake.take(record("a", "x 2"));
    intake.close();
    await sleep(80);
    expect(changes).toEqual([]);
  });
});
