import { parseAddress } from "@weir/codec";
import { parseTime } from "../time.ts";
import type { Condition, Filter } from "./check.ts";
import type { Value } from "./value.ts";

/** Columns of a row of flows, as the store's JSON has them. */
export type Row = Readonly<Record<string, string | number | boolean | null | undefined>>;

/** Whether the row is one that the filter's SQL selects. Missing columns count as empty, null is not known. */
export function matches(filter: Filter, row: Row): boolean {
  switch (filter.kind) {
    case "and":
      return filter.parts.every((part) => matches(part, row));
    case "or":
      return filter.parts.some((part) => matches(part, row));
    case "not":
      return !matches(filter.part, row);
    default:
      return filter.field.columns.some((column) =>
        filter.values.some((value) => holds(filter, value, row[column])),
      );
  }
}

function holds({ operator }: Condition, value: Value, found: Row[string]): boolean {
  switch (value.kind) {
    case "text":
      return (found ?? "") === value.text;
    case "pattern":
      return like(value.pattern, String(found ?? ""));
    case "protocol":
      return String(found ?? "").toUpperCase() === value.name;
    case "number":
      return found !== null && ordered(operator, Number(found ?? 0), value.number);
    case "boolean":
      return Boolean(found) === value.is;
    case "time":
      return ordered(operator, parseTime(String(found), 0), value.micros);
    default:
      return inNetwork(parseAddress(String(found)), value.bytes, value.prefixBits);
  }
}

function ordered(operator: Condition["operator"], a: number, b: number): boolean {
  switch (operator) {
    case "<":
      return a < b;
    case "<=":
      return a <= b;
    case ">":
      return a > b;
    case ">=":
      return a >= b;
    default:
      return a === b;
  }
}

function inNetwork(address: Uint8Array, network: Uint8Array, prefixBits: number): boolean {
  for (let at = 0; at * 8 < prefixBits; at++) {
    const kept = (0xff00 >> Math.min(8, prefixBits - at * 8)) & 0xff;
    if (((address[at] ?? 0) & kept) !== ((network[at] ?? 0) & kept)) return false;
  }
  return true;
}

/** Time grows with the product of both lengths, whatever the pattern. */
function like(pattern: string, text: string): boolean {
  const [wanted, given] = [Array.from(pattern), Array.from(text)];
  let [p, t] = [0, 0];
  /** The last `*`, and how much of the text it has taken. */
  let star: { pattern: number; text: number } | undefined;
  while (t < given.length) {
    if (wanted[p] === "*") star = { pattern: p++, text: t };
    else if (p < wanted.length && (wanted[p] === "?" || wanted[p] === given[t])) {
      p++;
      t++;
    } else if (star !== undefined) {
      p = star.pattern + 1;
      t = ++star.text;
    } else return false;
  }
  return wanted.slice(p).every((one) => one === "*");
}
