import { behaviourOf, durationMs } from "./behaviour.ts";
import type { PlannedPod } from "./plan.ts";

const pod = (env: Record<string, string>) => ({ namespace: "n", name: "p", env }) as PlannedPod;

describe("behaviourOf", () => {
  it("calls gently and at once unless it is told otherwise", () => {
    expect(behaviourOf(pod({}))).toEqual({
      calls: "background",
      pauseMs: { from: 500, to: 2000 },
      startAfterMs: 0,
    });
  });

  it("reads what the environment says", () => {
    const env = {
      CALLS: "on-request",
      CALL_PAUSE: "100ms-2s",
      START_AFTER: "60s",
      SCAN_TARGETS: "database, neighbours",
      SCAN_PORTS: "22,80",
    };
    expect(behaviourOf(pod(env))).toEqual({
      calls: "on-request",
      pauseMs: { from: 100, to: 2000 },
      startAfterMs: 60_000,
      scan: { targets: ["database", "neighbours"], ports: [22, 80], pauseMs: 400 },
    });
  });

  it.each([
    [{ CALLS: "often" }, /n\/p: CALLS="often": use background or on-request/],
    [{ CALL_PAUSE: "2s" }, /use two durations/],
    [{ CALL_PAUSE: "2s-1s" }, /use two durations/],
    [{ START_AFTER: "soon" }, /use a duration like 60s/],
    [{ SCAN_TARGETS: "a" }, /SCAN_PORTS.*use port numbers/],
    [{ SCAN_TARGETS: "a", SCAN_PORTS: "70000" }, /use port numbers/],
  ] as [Record<string, string>, RegExp][])("refuses %j", (env, message) => {
    expect(() => behaviourOf(pod(env))).toThrow(message);
  });

  it("never goes faster than a lab may", () => {
    expect(behaviourOf(pod({ CALL_PAUSE: "0ms-0ms" })).pauseMs).toEqual({ from: 10, to: 10 });
  });
});

describe("durationMs", () => {
  it("reads the durations of the command line", () => {
    expect(["250ms", "30s", "15m", "24h", "7d", "x", "5"].map(durationMs)).toEqual([
      250,
      30_000,
      900_000,
      86_400_000,
      604_800_000,
      undefined,
      undefined,
    ]);
  });
});
