import { formatAddress } from "@weir/codec";
import { isAddress } from "../is-address.ts";
import type { Statement } from "../statement.ts";
import type { Condition, Filter } from "./check.ts";
import type { FieldType } from "./fields.ts";
import type { Value } from "./value.ts";

/** A condition with the values of its parameters, which are named `filter_N`. */
export function filterSql(filter: Filter): Statement {
  const parameters: Statement["parameters"] = {};
  /** Keeps a value, and gives what stands for it. */
  const hold: Hold = (type, value) => {
    const name = `filter_${Object.keys(parameters).length}`;
    parameters[name] = value;
    return `{${name}:${type}}`;
  };
  return { sql: expression(filter, hold), parameters };
}

type Hold = (type: string, value: string | number) => string;

function expression(filter: Filter, hold: Hold): string {
  if (filter.kind === "not") return `NOT ${expression(filter.part, hold)}`;
  const parts =
    filter.kind === "condition"
      ? filter.field.columns.flatMap((column) =>
          filter.values.map((value) => comparison(filter, column, value, hold)),
        )
      : filter.parts.map((part) => expression(part, hold));
  return `(${parts.join(filter.kind === "and" ? " AND " : " OR ")})`;
}

function comparison(
  { operator, field }: Condition,
  column: string,
  value: Value,
  hold: Hold,
): string {
  switch (value.kind) {
    case "text":
      return `${column} = ${hold("String", value.text)}`;
    case "pattern":
      return `${column} LIKE ${hold("String", likePattern(value.pattern))}`;
    case "protocol":
      return `upper(${column}) = ${hold("String", value.name)}`;
    case "number": {
      const { max, nullable } = numberType(field.type);
      const type = max > 0xffffffff ? "UInt64" : "UInt32";
      const holds = `${column} ${operator} ${hold(type, value.number)}`;
      // Else `not` would leave out what is not known.
      return nullable ? `ifNull(${holds}, 0)` : holds;
    }
    case "boolean":
      return value.is ? column : `NOT ${column}`;
    case "time":
      return `${column} ${operator} fromUnixTimestamp64Micro(${hold("Int64", value.micros)}, 'UTC')`;
    default:
      return inNetwork(column, value, hold);
  }
}

function numberType(type: FieldType): { max: number; nullable?: true } {
  return type.kind === "number" ? type : { max: 0 };
}

function inNetwork(
  column: string,
  { bytes, prefixBits }: Value & { kind: "address" },
  hold: Hold,
): string {
  const first = hold("String", formatAddress(bytes));
  if (prefixBits === 128) return isAddress(column, first);
  const stored = column.replace(/_ip$/, "_addr");
  const last = bytes.map(
    (byte, at) => byte | (0xff >> Math.max(0, Math.min(8, prefixBits - at * 8))),
  );
  return `(${stored} >= toIPv6(${first}) AND ${stored} <= toIPv6(${hold("String", formatAddress(last))}))`;
}

/** `*` and `?` as LIKE writes them. */
function likePattern(pattern: string): string {
  return pattern
    .replaceAll(/[\\%_]/g, "\\$&")
    .replaceAll("*", "%")
    .replaceAll("?", "_");
}
