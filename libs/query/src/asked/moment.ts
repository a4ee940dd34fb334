import { type TreeNode, argumentsOf } from "./tree.ts";

/** What a constant of a statement is, as far as it is understood. */
export type Constant =
  | { kind: "text" | "name"; text: string }
  | { kind: "number"; value: number }
  /** Microseconds since 1970; a date counts in days. */
  | { kind: "time" | "date"; micros: number }
  | { kind: "interval"; months: number; micros: number };

export interface Surroundings {
  nowMs: number;
  /** Times without a zone are of UTC: without that, only those with one are understood. */
  isUtc: boolean;
  /** What has a name in the statement. */
  named: (name: string) => TreeNode | undefined;
}

const second = 1_000_000;
const day = 86_400 * second;

/** Of functions that round down, and of intervals. */
export const unitsUs: Record<string, number> = {
  second,
  minute: 60 * second,
  fiveminute: 300 * second,
  fiveminutes: 300 * second,
  tenminutes: 600 * second,
  fifteenminutes: 900 * second,
  hour: 3600 * second,
  day,
  week: 7 * day,
};
const monthsOf: Record<string, number> = { month: 1, quarter: 3, year: 12 };

/** Names that stand for others are followed no further. */
const maxNames = 16;

/** Undefined for what is no constant, or not understood. */
export function constantOf(
  node: TreeNode,
  around: Surroundings,
  names = maxNames,
): Constant | undefined {
  if (node.kind === "Literal") return literal(node.text);
  if (node.kind === "Identifier") {
    const meant = names > 0 ? around.named(node.text) : undefined;
    return meant === undefined ? undefined : constantOf(meant, around, names - 1);
  }
  const given = argumentsOf(node);
  if (given === undefined) return undefined;
  const values = given.map((one) => constantOf(one, around, names));
  if (values.some((value) => value === undefined)) return undefined;
  return call(node.text.toLowerCase(), values as Constant[], around);
}

/** Microseconds since 1970 that a constant stands for beside a time. */
export function microsOf(constant: Constant | undefined): number | undefined {
  if (constant?.kind === "time" || constant?.kind === "date") return constant.micros;
  // Beside a column of times the engine reads text in the zone of the column, which is UTC.
  return constant?.kind === "text" ? parse(constant.text) : undefined;
}

function literal(text: string): Constant | undefined {
  const [, quoted] = /^'([^'\\]*)'$/.exec(text) ?? [];
  if (quoted !== undefined) return { kind: "text", text: quoted };
  const [, digits] = /^U?Int64_(-?\d{1,16})$/.exec(text) ?? [];
  return digits === undefined ? undefined : { kind: "number", value: Number(digits) };
}

/** As the engine writes times; with a zone only Z. */
function parse(text: string): number | undefined {
  const [, days, clock = "00:00:00", fraction = ""] =
    /^(\d{4}-\d\d-\d\d)(?:[ T](\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?Z?)?$/.exec(text) ?? [];
  const ms = Date.parse(`${days}T${clock}Z`);
  return Number.isNaN(ms) ? undefined : ms * 1000 + Number(fraction.padEnd(6, "0"));
}

function call(name: string, values: Constant[], around: Surroundings): Constant | undefined {
  const [first, ...others] = values;
  if (name === "now" || name === "now64") return time(around.nowMs * 1000);
  if (name === "today" || name === "yesterday") {
    const ago = name === "today" ? 0 : day;
    return around.isUtc ? date(around.nowMs * 1000 - ago) : undefined;
  }
  if (first === undefined) return undefined;
  const [, unit = ""] = /^tointerval(\w+)$/.exec(name) ?? [];
  if (unit !== "") return first.kind === "number" ? interval(unit, first.value) : undefined;
  if (name === "plus" || name === "minus") return shift(first, others[0], name === "plus" ? 1 : -1);
  const [, direction, by = ""] = /^(add|subtract)(\w+?)s$/.exec(name) ?? [];
  if (direction !== undefined && others[0]?.kind === "number")
    return shift(first, interval(by, others[0].value), direction === "add" ? 1 : -1);
  const [, floor = ""] = /^tostartof(\w+)$/.exec(name) ?? [];
  if (floor !== "" && others.length === 0) return floored(first, unitsUs[floor], around);
  return converted(name, first, others, around);
}

/** `toDateTime`, `toDate`, CAST and their kind. */
function converted(
  name: string,
  from: Constant,
  others: readonly Constant[],
  { isUtc }: Surroundings,
): Constant | undefined {
  const [to] = others;
  const cast = name === "cast" ? textOf(to) : undefined;
  const isDate = /^todate(32)?$/.test(name) || /^Date(32)?$/.test(cast ?? "");
  const isTime =
    /^(todatetime|parsedatetime)(64)?(besteffort)?$/.test(name) ||
    /^DateTime(64\(\d\))?$/.test(cast ?? "");
  if (!isDate && !isTime) return undefined;
  const zone =
    cast === undefined ? others.map(textOf).find((text) => text !== undefined) : undefined;
  const inUtc = zone === undefined ? isUtc : zone === "UTC";
  const numbered = from.kind === "number" ? from.value * second : undefined;
  const micros = numbered ?? microsOf(from);
  const isMoment = from.kind === "time" || numbered !== undefined;
  const hasZone = isMoment || (from.kind === "text" && from.text.endsWith("Z"));
  if (micros === undefined || (!inUtc && (isDate || !hasZone))) return undefined;
  return isDate ? date(micros) : time(micros);
}

const textOf = (constant: Constant | undefined): string | undefined =>
  constant?.kind === "text" ? constant.text : undefined;

function interval(unit: string, count: number): Constant | undefined {
  const name = unit.toLowerCase();
  const months = monthsOf[name];
  if (months !== undefined) return { kind: "interval", months: months * count, micros: 0 };
  const micros = unitsUs[name];
  if (micros === undefined || name.includes("minute") !== (name === "minute")) return undefined;
  return { kind: "interval", months: 0, micros: micros * count };
}

function shift(from: Constant, by: Constant | undefined, sign: 1 | -1): Constant | undefined {
  if ((from.kind !== "time" && from.kind !== "date") || by === undefined) return undefined;
  if (by.kind === "number") {
    const unit = from.kind === "date" ? day : second;
    return { ...from, micros: from.micros + sign * by.value * unit };
  }
  if (by.kind !== "interval") return undefined;
  const micros = from.micros + sign * by.micros;
  const isDate = from.kind === "date" && by.micros % day === 0;
  const moved = by.months === 0 ? micros : addMonths(micros, sign * by.months);
  return isDate ? date(moved) : time(moved);
}

/** The same day of another month, or the last day of it. */
function addMonths(micros: number, months: number): number {
  const from = new Date(Math.floor(micros / 1000));
  const first = Date.UTC(from.getUTCFullYear(), from.getUTCMonth() + months, 1);
  const then = new Date(first);
  const last = new Date(Date.UTC(then.getUTCFullYear(), then.getUTCMonth() + 1, 0)).getUTCDate();
  const days = Math.min(from.getUTCDate(), last) - 1;
  const clock = micros - Math.floor(micros / day) * day;
  return first * 1000 + days * day + clock;
}

function floored(
  from: Constant,
  unit: number | undefined,
  { isUtc }: Surroundings,
): Constant | undefined {
  const micros = microsOf(from);
  const isSafe = isUtc && unit !== undefined && unit <= day && from.kind !== "text";
  return micros === undefined || !isSafe ? undefined : time(Math.floor(micros / unit) * unit);
}

function time(micros: number): Constant {
  return { kind: "time", micros };
}

function date(micros: number): Constant {
  return { kind: "date", micros: Math.floor(micros / day) * day };
}
