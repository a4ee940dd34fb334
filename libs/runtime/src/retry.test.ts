import { describe, expect, it } from "@jest/globals";
import { pause, retryDelayMs } from "./retry.ts";

describe("retry", () => {
  it("doubles the delay up to the bound", () => {
    const policy = { maxAttempts: 9, firstDelayMs: 100, maxDelayMs: 1000 };
    expect([2, 3, 4, 5, 6, 99].map((attempt) => retryDelayMs(policy, attempt))).toEqual([
      100, 200, 400, 800, 1000, 1000,
    ]);
  });

  it("wakes when stopping begins", async () => {
    const controller = new AbortController();
    const sleeping = pause(60_000, controller.signal);
    controller.abort();
    expect(await sleeping).toBe(false);
    expect(await pause(60_000, controller.signal)).toBe(false);
    expect(await pause(1, new AbortController().signal)).toBe(true);
  });
});
