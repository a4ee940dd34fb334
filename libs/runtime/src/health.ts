/** Outcome of one check; `detail` says what is wrong and what to do, or how it stands. */
export interface CheckResult {
  ok: boolean;
  detail?: string;
}

export interface HealthReport {
  /** Everything works: a load balancer may send, `weir status` exits 0. */
  ready: boolean;
  /** A restart would not help: false only when a check of kind `live` fails. */
  live: boolean;
  checks: { name: string; kind: CheckKind; ok: boolean; detail?: string }[];
}

export type CheckKind = "ready" | "live";

export interface Health {
  /** Adds a check, asked at every report. Returns how to take it away again. */
  check(
    name: string,
    probe: () => CheckResult | Promise<CheckResult>,
    kind?: CheckKind,
  ): () => void;
  report(): Promise<HealthReport>;
}

/** A check that throws or takes longer than `checkTimeoutMs` counts as failed. */
export function createHealth(options: { checkTimeoutMs?: number } = {}): Health {
  const checkTimeoutMs = options.checkTimeoutMs ?? 2000;
  const checks = new Set<{
    name: string;
    kind: CheckKind;
    probe: () => CheckResult | Promise<CheckResult>;
  }>();
  return {
    check(name, probe, kind = "ready") {
      const entry = { name, kind, probe };
      checks.add(entry);
      return () => void checks.delete(entry);
    },
    async report() {
      const results = await Promise.all(
        [...checks].map(async ({ name, kind, probe }) => {
          const result = await withTimeout(probe, checkTimeoutMs);
          return { name, kind, ...result };
        }),
      );
      return {
        ready: results.every((result) => result.ok),
        live: results.every((result) => result.ok || result.kind !== "live"),
        checks: results,
      };
    },
  };
}

async function withTimeout(
  probe: () => CheckResult | Promise<CheckResult>,
  timeoutMs: number,
): Promise<CheckResult> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<CheckResult>((resolve) => {
    timer = setTimeout(
      () => resolve({ ok: false, detail: `no answer in ${timeoutMs} ms` }),
      timeoutMs,
    );
  });
  try {
    return await Promise.race([Promise.resolve().then(probe), late]);
  } catch (error) {
    return { ok: false, detail: error instanceof Error ? error.message : String(error) };
  } finally {
    clearTimeout(timer);
  }
}
