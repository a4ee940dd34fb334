import { afterEach, describe, expect, it } from "@jest/globals";
import { createHealth, createMetrics } from "@weir/runtime";
import { startProbes } from "./probes.ts";

describe("the probes of a station", () => {
  let stop: (() => Promise<void>) | undefined;
  afterEach(async () => stop?.());

  it("tell alive from ready, and show the counters", async () => {
    const health = createHealth();
    const metrics = createMetrics("enricher");
    metrics.counter("rows_total", "Rows.").inc({}, 7);
    const probes = await startProbes("127.0.0.1:0", health, [metrics]);
    stop = () => probes.stop();
    const status = async (path: string): Promise<number> => (await fetch(probes.url + path)).status;
    expect(await status("/readyz")).toBe(200);
    health.check("store", () => ({ ok: false, detail: "away" }));
    expect(await status("/readyz")).toBe(503);
    expect(await status("/healthz")).toBe(200);
    expect(await (await fetch(`${probes.url}/metrics`)).text()).toContain(
      "weir_enricher_rows_total 7",
    );
    expect(await status("/other")).toBe(404);
  });
});
