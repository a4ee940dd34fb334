import { describe, expect, it } from "@jest/globals";
import { createMetrics, metricsText } from "./metrics.ts";

describe("metrics", () => {
  it("counts each part of a station by the same four names", async () => {
    const metrics = createMetrics("enricher");
    const flows = metrics.part("flows");
    flows.received(3);
    flows.sent();
    flows.dropped("malformed", 2);
    flows.error("store");
    metrics.part("nodes").received();
    expect(await metrics.value("received_total", { part: "flows" })).toBe(3);
    expect(await metrics.value("received_total", { part: "nodes" })).toBe(1);
    expect(await metrics.value("dropped_total", { part: "flows", reason: "malformed" })).toBe(2);
    expect(await metrics.text()).toContain(
      'weir_enricher_errors_total{part="flows",code="store"} 1',
    );
  });

  it("bounds the series of a metric", async () => {
    const metrics = createMetrics("x", { maxSeriesPerMetric: 2 });
    const counter = metrics.counter("seen_total", "Seen.", ["node"]);
    for (let node = 0; node < 50; node++) counter.inc({ node: `n${node}` });
    counter.inc({ node: "n0" });
    expect(await metrics.value("seen_total", { node: "n0" })).toBe(2);
    expect(await metrics.value("seen_total", { node: "other" })).toBe(48);
    expect(
      (await metrics.text()).split("\n").filter((line) => line.startsWith("weir_x_seen")),
    ).toHaveLength(3);
  });

  it("makes room again when a gauge's subject is gone", async () => {
    const metrics = createMetrics("x", { maxSeriesPerMetric: 1 });
    const gauge = metrics.gauge("lag", "Lag.", ["topic"]);
    gauge.set(5, { topic: "a" });
    gauge.remove({ topic: "a" });
    gauge.set(7, { topic: "b" });
    expect(await metrics.value("lag", { topic: "b" })).toBe(7);
    expect(await metrics.value("lag", { topic: "a" })).toBe(0);
  });

  it("shows several stations on one page without a name twice", async () => {
    const one = createMetrics("api");
    const two = createMetrics("enricher");
    one.part("http").received();
    two.part("flows").received();
    two.histogram("insert_seconds", "Insert.", [0.1, 1]).observe(0.5);
    const page = await metricsText([one, two]);
    const names = page.split("\n").filter((line) => line.startsWith("# TYPE"));
    expect(new Set(names).size).toBe(names.length);
    expect(page).toContain('weir_enricher_insert_seconds_bucket{le="1"} 1');
  });
});
