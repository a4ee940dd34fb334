import { LabError } from "./lab-error.ts";
import type { PlannedPod } from "./plan.ts";
import type { ScanSpec, WorkloadSpec } from "./workload/spec.ts";

/** Pause between two background calls of one upstream, unless CALL_PAUSE says otherwise. */
const PAUSE_MS = { from: 500, to: 2000 };
/** Shortest pause a manifest may ask for: the lab is gentle. */
const PAUSE_MIN_MS = 10;
const SCAN_PAUSE_MS = 400;
/** Targets times ports of one scan. */
const SCAN_MAX = 4096;

/** What a pod's environment asks of its process besides calling its `*_ADDR`. */
export type Behaviour = Pick<WorkloadSpec, "calls" | "pauseMs" | "startAfterMs" | "scan">;

/**
 * CALLS=on-request, CALL_PAUSE=500ms-2s, START_AFTER=60s, SCAN_TARGETS=name,address,... with
 * SCAN_PORTS=22,80,... and SCAN_PAUSE=400ms. Anything else in them is an error that names the pod.
 */
export function behaviourOf(pod: PlannedPod): Behaviour {
  const { env } = pod;
  const refuse = (name: string, wanted: string): never => {
    const where = `${pod.namespace}/${pod.name}: ${name}=${JSON.stringify(env[name])}`;
    throw new LabError("invalid", `${where}: use ${wanted}`);
  };
  const duration = (name: string, otherwise: number): number =>
    env[name] === undefined
      ? otherwise
      : (durationMs(env[name]) ?? refuse(name, "a duration like 60s"));
  const calls = env["CALLS"] ?? "background";
  if (calls !== "background" && calls !== "on-request")
    return refuse("CALLS", "background or on-request");
  const scan = scanOf(pod, duration("SCAN_PAUSE", SCAN_PAUSE_MS), refuse);
  return {
    calls,
    pauseMs: pauseOf(env["CALL_PAUSE"]) ?? refuse("CALL_PAUSE", "two durations like 500ms-2s"),
    startAfterMs: duration("START_AFTER", 0),
    ...(scan === undefined ? {} : { scan }),
  };
}

/** `250ms`, `60s`, `15m`, `24h`, `7d` in milliseconds. */
export function durationMs(text: string): number | undefined {
  const [, number, unit] = /^(\d+)(ms|s|m|h|d)$/.exec(text) ?? [];
  const factors: Record<string, number> = {
    ms: 1,
    s: 1000,
    m: 60_000,
    h: 3_600_000,
    d: 86_400_000,
  };
  return unit === undefined ? undefined : Number(number) * (factors[unit] ?? 0);
}

function pauseOf(text: string | undefined): WorkloadSpec["pauseMs"] | undefined {
  if (text === undefined) return PAUSE_MS;
  const [from, to, ...rest] = text.split("-").map(durationMs);
  if (from === undefined || to === undefined || rest.length > 0 || to < from) return undefined;
  return { from: Math.max(from, PAUSE_MIN_MS), to: Math.max(to, PAUSE_MIN_MS) };
}

function scanOf(
  pod: PlannedPod,
  pauseMs: number,
  refuse: (name: string, wanted: string) => never,
): ScanSpec | undefined {
  const targets = list(pod.env["SCAN_TARGETS"]);
  if (targets.length === 0) return undefined;
  const ports = list(pod.env["SCAN_PORTS"]).map(Number);
  const fit = ports.every((port) => Number.isInteger(port) && port > 0 && port < 65_536);
  if (ports.length === 0 || !fit) return refuse("SCAN_PORTS", "port numbers like 22,80");
  if (targets.length * ports.length > SCAN_MAX) return refuse("SCAN_TARGETS", "fewer of them");
  return { targets, ports, pauseMs: Math.max(pauseMs, PAUSE_MIN_MS) };
}

function list(text: string | undefined): string[] {
  return (text ?? "")
    .split(",")
    .map((one) => one.trim())
    .filter((one) => one !== "");
}
