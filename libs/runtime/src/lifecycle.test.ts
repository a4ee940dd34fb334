import { describe, expect, it } from "@jest/globals";
import { createLifecycle } from "./lifecycle.ts";
import { silentLog } from "./log.ts";

const log = silentLog();

describe("lifecycle", () => {
  it("stops in reverse order, each after the one before is done, once", async () => {
    const lifecycle = createLifecycle({ log });
    const order: string[] = [];
    lifecycle.onStop("bus", () => void order.push("bus"));
    lifecycle.onStop("reader", async () => {
      await new Promise((resolve) => setTimeout(resolve, 10));
      order.push("reader");
    });
    expect(lifecycle.signal.aborted).toBe(false);
    const [first, second] = await Promise.all([lifecycle.stop("a"), lifecycle.stop("b")]);
    expect(order).toEqual(["reader", "bus"]);
    expect(first).toBe(second);
    expect(lifecycle.signal.aborted).toBe(true);
    expect(await lifecycle.stopped).toEqual({ failed: [] });
  });

  it("goes on past what fails or hangs, and names it", async () => {
    const lifecycle = createLifecycle({ log, stopTimeoutMs: 30 });
    let last = false;
    lifecycle.onStop("last", () => void (last = true));
    lifecycle.onStop("throws", () => Promise.reject(new Error("no")));
    lifecycle.onStop("hangs", () => new Promise(() => {}));
    expect(await lifecycle.stop("test")).toEqual({ failed: ["hangs", "throws"] });
    expect(last).toBe(true);
  });

  it("stops at once what is added while stopping", async () => {
    const lifecycle = createLifecycle({ log });
    await lifecycle.stop("test");
    await new Promise<void>((resolve) => lifecycle.onStop("late", resolve));
  });

  it("stops gracefully on the first signal and ends at once on the second", async () => {
    const lifecycle = createLifecycle({ log });
    const codes: number[] = [];
    let release = (): void => {};
    lifecycle.onStop("slow", () => new Promise<void>((resolve) => (release = resolve)));
    const off = lifecycle.handleSignals((code) => void codes.push(code));
    try {
      process.emit("SIGTERM", "SIGTERM");
      await new Promise((resolve) => setImmediate(resolve));
      expect(codes).toEqual([]);
      process.emit("SIGINT", "SIGINT");
      expect(codes).toEqual([130]);
      release();
      await lifecycle.stopped;
      await new Promise((resolve) => setImmediate(resolve));
      expect(codes).toEqual([130, 0]);
    } finally {
      off();
    }
  });
});
