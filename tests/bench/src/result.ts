/** One measured case, in the shape that CLI.md's readers expect: one JSON object per line. */
export interface Result {
  bench: string;
  case: string;
  value: number;
  unit: string;
  /** The same quantity without weir, or of the yardstick named in the bench's file, from the same run. */
  baseline: number | null;
  ratio: number | null;
}

export interface Bench {
  name: string;
  /** One line for --help. */
  about: string;
  run(options: {
    quick: boolean;
    /** For benches whose size is a number of rows; undefined: their own. */
    rows?: number | undefined;
    progress: (text: string) => void;
  }): Promise<Result[]>;
}

export function result(
  bench: string,
  name: string,
  value: number,
  unit: string,
  baseline: number | null,
): Result {
  return {
    bench,
    case: name,
    value: round(value),
    unit,
    baseline: baseline === null ? null : round(baseline),
    ratio: baseline ? round(value / baseline) : null,
  };
}

/** Three significant digits; more would claim what this machine cannot tell. */
function round(value: number): number {
  return Number(value.toPrecision(3));
}

/** Nearest-rank percentile of unsorted samples; p in 0..1. Throws on an empty list. */
export function percentile(samples: number[], p: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  const value = sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(p * sorted.length) - 1))];
  if (value === undefined) throw new RangeError("no samples to take a percentile of");
  return value;
}
