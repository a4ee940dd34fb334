import type { FlowEnd, FlowLine } from "./answers.ts";
import { badRequest } from "./problem.ts";

/** Which flows are asked for. */
export interface FlowFilter {
  from?: string | undefined;
  to?: string | undefined;
  namespace?: string | undefined;
  port?: number | undefined;
  protocol?: string | undefined;
  verdict?: string | undefined;
}

const units: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };

/**
 * A time as people write it, in microseconds since 1970: a duration ago (`30s`, `15m`, `24h`, `7d`)
 * or RFC 3339. Throws a Problem that names the parameter.
 */
export function timeMicros(text: string, name: string, nowMs = Date.now()): number {
  const match = /^(\d{1,9})(ms|[smhdw])$/.exec(text);
  if (match) {
    const unit = match[2] as string;
    const milliseconds = Number(match[1]) * (unit === "ms" ? 1 : (units[unit] as number) * 1000);
    return Math.max(nowMs - milliseconds, 0) * 1000;
  }
  const at = /^\d{4}-\d\d-\d\dT/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(at)) {
    throw badRequest(
      `${name}: ${text} is no time; give 30s, 15m, 24h, 7d, or 2026-01-31T12:00:00Z`,
    );
  }
  return at * 1000;
}

/** The filter as a test on a flow, for the live tail. */
export function matcher(filter: FlowFilter): (flow: FlowLine) => boolean {
  const protocol = filter.protocol?.toUpperCase();
  return (flow) =>
    (filter.verdict === undefined || flow.verdict === filter.verdict) &&
    (filter.port === undefined || flow.destination.port === filter.port) &&
    (protocol === undefined || flow.protocol.toUpperCase() === protocol) &&
    (filter.namespace === undefined ||
      flow.source.namespace === filter.namespace ||
      flow.destination.namespace === filter.namespace) &&
    (filter.from === undefined || isEnd(flow.source, filter.from)) &&
    (filter.to === undefined || isEnd(flow.destination, filter.to));
}

/** Is this end `ns/pod`, `ns/workload`, or the address itself? */
function isEnd(end: FlowEnd, asked: string): boolean {
  const slash = asked.indexOf("/");
  if (slash < 0) return end.ip === asked || end.name === asked || end.workload === asked;
  const name = asked.slice(slash + 1);
  if ((end.namespace ?? "") !== asked.slice(0, slash)) return false;
  return end.pod === name || end.workload === name;
}
