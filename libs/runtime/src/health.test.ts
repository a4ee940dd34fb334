import { describe, expect, it } from "@jest/globals";
import { createHealth } from "./health.ts";

describe("health", () => {
  it("is ready when every check is, and live unless a live check fails", async () => {
    const health = createHealth();
    let storeUp = false;
    health.check("store", () => ({ ok: storeUp, detail: "connection refused" }));
    const remove = health.check("loop", () => ({ ok: true }), "live");
    expect(await health.report()).toMatchObject({ ready: false, live: true });
    storeUp = true;
    expect((await health.report()).ready).toBe(true);
    remove();
    health.check("loop", () => ({ ok: false }), "live");
    expect(await health.report()).toMatchObject({ ready: false, live: false });
  });

  it("counts a check that throws or hangs as failed, and says so", async () => {
    const health = createHealth({ checkTimeoutMs: 20 });
    health.check("throws", () => Promise.reject(new Error("no route")));
    health.check("hangs", () => new Promise(() => {}));
    const report = await health.report();
    expect(report.checks.map((check) => check.detail)).toEqual(["no route", "no answer in 20 ms"]);
  });
});
