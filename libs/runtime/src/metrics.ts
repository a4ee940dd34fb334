import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from "prom-client";

/**
 * What every moving part of a station counts, by the same four names, with its own name in the
 * label `part`: received, sent, dropped{reason}, errors{code}.
 */
export interface PartCounters {
  received(count?: number): void;
  sent(count?: number): void;
  dropped(reason: string, count?: number): void;
  error(code: string, count?: number): void;
}

export type Labels = Record<string, string>;

export interface BoundedCounter {
  inc(labels?: Labels, count?: number): void;
}

export interface BoundedGauge {
  set(value: number, labels?: Labels): void;
  /** Forgets a series whose subject is gone. */
  remove(labels: Labels): void;
}

export interface BoundedHistogram {
  observe(value: number, labels?: Labels): void;
}

export interface Metrics {
  readonly station: string;
  part(name: string): PartCounters;
  counter(name: string, help: string, labelNames?: string[]): BoundedCounter;
  gauge(name: string, help: string, labelNames?: string[]): BoundedGauge;
  /** `bounds` are upper bounds of the buckets, in the unit that the name ends in. */
  histogram(name: string, help: string, bounds: number[], labelNames?: string[]): BoundedHistogram;
  /** Prometheus text format. */
  text(): Promise<string>;
  /** Current value of one series of this station; 0 if it was never touched. */
  value(name: string, labels?: Labels): Promise<number>;
}

export interface MetricsOptions {
  /** Distinct label sets of one metric; further ones are counted under `other`. Default 200. */
  maxSeriesPerMetric?: number;
  /** Node's own process metrics, once per process. Default false. */
  processMetrics?: boolean;
}

/**
 * Metrics of one station, on a registry of their own. Names become `weir_<station>_<name>`; two
 * calls with the same name give the same metric.
 */
export function createMetrics(station: string, options: MetricsOptions = {}): Metrics {
  return new StationMetrics(station, options);
}

/** Several stations of one process as one page. */
export async function metricsText(all: Metrics[]): Promise<string> {
  const pages = await Promise.all(all.map((metrics) => metrics.text()));
  return pages.join("\n");
}

class StationMetrics implements Metrics {
  readonly station: string;
  #registry = new Registry();
  #maxSeries: number;
  #counters = new Map<string, BoundedCounter>();
  #gauges = new Map<string, BoundedGauge>();
  #histograms = new Map<string, BoundedHistogram>();
  #limits = new Map<string, SeriesLimit>();

  constructor(station: string, options: MetricsOptions) {
    this.station = station;
    this.#maxSeries = options.maxSeriesPerMetric ?? 200;
    if (options.processMetrics) collectDefaultMetrics({ register: this.#registry });
  }

  part(name: string): PartCounters {
    const received = this.counter("received_total", "What came in.", ["part"]);
    const sent = this.counter("sent_total", "What went out.", ["part"]);
    const dropped = this.counter("dropped_total", "What was given up, and why.", [
      "part",
      "reason",
    ]);
    const errors = this.counter("errors_total", "What failed, by code.", ["part", "code"]);
    return {
      received: (count) => received.inc({ part: name }, count),
      sent: (count) => sent.inc({ part: name }, count),
      dropped: (reason, count) => dropped.inc({ part: name, reason }, count),
      error: (code, count) => errors.inc({ part: name, code }, count),
    };
  }

  counter(name: string, help: string, labelNames: string[] = []): BoundedCounter {
    const known = this.#counters.get(name);
    if (known) return known;
    const metric = new Counter({ ...this.#base(name, help), labelNames });
    const limit = this.#limit(name);
    const made: BoundedCounter = {
      inc: (labels = {}, count = 1) => metric.inc(limit.admit(labels), count),
    };
    this.#counters.set(name, made);
    return made;
  }

  gauge(name: string, help: string, labelNames: string[] = []): BoundedGauge {
    const known = this.#gauges.get(name);
    if (known) return known;
    const metric = new Gauge({ ...this.#base(name, help), labelNames });
    const limit = this.#limit(name);
    const made: BoundedGauge = {
      set: (value, labels = {}) => metric.set(limit.admit(labels), value),
      remove: (labels) => {
        metric.remove(labels);
        limit.forget(labels);
      },
    };
    this.#gauges.set(name, made);
    return made;
  }

  histogram(
    name: string,
    help: string,
    bounds: number[],
    labelNames: string[] = [],
  ): BoundedHistogram {
    const known = this.#histograms.get(name);
    if (known) return known;
    const metric = new Histogram({ ...this.#base(name, help), buckets: bounds, labelNames });
    const limit = this.#limit(name);
    const made: BoundedHistogram = {
      observe: (value, labels = {}) => metric.observe(limit.admit(labels), value),
    };
    this.#histograms.set(name, made);
    return made;
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }

  async value(name: string, labels: Labels = {}): Promise<number> {
    const metric = await this.#registry.getSingleMetric(this.#fullName(name))?.get();
    const series = metric?.values.find((one) => {
      const held = one.labels as Record<string, unknown>;
      return Object.entries(labels).every(([key, value]) => held[key] === value);
    });
    return series?.value ?? 0;
  }

  #fullName(name: string): string {
    return `weir_${this.station.replaceAll("-", "_")}_${name}`;
  }

  #base(name: string, help: string): { name: string; help: string; registers: Registry[] } {
    return { name: this.#fullName(name), help, registers: [this.#registry] };
  }

  #limit(name: string): SeriesLimit {
    const limit = new SeriesLimit(this.#maxSeries);
    this.#limits.set(name, limit);
    return limit;
  }
}

/** Keeps labels that come from outside (an error code, a node) from growing a metric without end. */
class SeriesLimit {
  #seen = new Set<string>();
  #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  admit(labels: Labels): Labels {
    const key = seriesKey(labels);
    if (key === "" || this.#seen.has(key)) return labels;
    if (this.#seen.size < this.#max) {
      this.#seen.add(key);
      return labels;
    }
    return Object.fromEntries(Object.keys(labels).map((name) => [name, "other"]));
  }

  forget(labels: Labels): void {
    this.#seen.delete(seriesKey(labels));
  }
}

function seriesKey(labels: Labels): string {
  let key = "";
  for (const name in labels) key += `${name}\0${labels[name]}\0`;
  return key;
}
