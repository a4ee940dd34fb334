import type { IToken } from "chevrotain";
import { suggestion } from "./did-you-mean.ts";
import { type Comparison, comparisonsOf, type Field, fieldNamed, fields } from "./fields.ts";
import { FilterError } from "./filter-error.ts";
import type { Syntax } from "./syntax.ts";
import { readValue, type Value } from "./value.ts";

/** A filter whose names and values have been checked. */
export type Filter =
  | { kind: "and" | "or"; parts: Filter[] }
  | { kind: "not"; part: Filter }
  | Condition;

export interface Condition {
  kind: "condition";
  field: Field;
  /** `=` is one of the values. What is written as != or !~ stands in a `not`. */
  operator: "=" | "<" | "<=" | ">" | ">=" | "~";
  values: Value[];
  /** Where the field stands in the text. */
  at: number;
  length: number;
}

/** Throws FilterError for what the schema does not have. */
export function check(text: string, syntax: Syntax, nowMs: number): Filter {
  if (syntax.kind === "not") return { kind: "not", part: check(text, syntax.part, nowMs) };
  if (syntax.kind !== "condition")
    return { kind: syntax.kind, parts: syntax.parts.map((part) => check(text, part, nowMs)) };
  const { field: written, operator, values } = syntax;
  const field = fieldNamed(written.image);
  if (field === undefined) throw unknownField(text, written);
  const place = { at: written.startOffset, length: written.image.length };
  if (operator === undefined) return alone(text, field, place);
  const comparison = spelled(operator.text);
  const possible = comparisonsOf(field.type);
  if (!possible.includes(comparison))
    throw new FilterError(
      text,
      operator.token.startOffset,
      operator.token.image.length,
      `${field.name} is not compared by ${comparison}; it takes ${possible.join(" ")}`,
    );
  const { positive, negated } = positiveOf(comparison);
  const condition: Condition = {
    kind: "condition",
    field,
    operator: positive,
    values: values.map((value) => readValue(text, field, value, nowMs, positive === "~")),
    ...place,
  };
  return negated ? { kind: "not", part: condition } : condition;
}

/** Fields that a filter asks about. */
export function conditionsOf(filter: Filter): Condition[] {
  if (filter.kind === "condition") return [filter];
  if (filter.kind === "not") return conditionsOf(filter.part);
  return filter.parts.flatMap((part) => conditionsOf(part));
}

/** `answered` stands for `answered = true`. */
function alone(text: string, field: Field, place: { at: number; length: number }): Condition {
  if (field.type.kind !== "boolean") {
    const end = place.at + place.length;
    throw new FilterError(
      text,
      end,
      1,
      `${field.name} needs a comparison: it takes ${comparisonsOf(field.type).join(" ")}`,
    );
  }
  return {
    kind: "condition",
    field,
    operator: "=",
    values: [{ kind: "boolean", is: true }],
    ...place,
  };
}

function unknownField(text: string, { image, startOffset }: IToken): FilterError {
  const names = fields.map((field) => field.name);
  const hint = suggestion(image, names);
  return new FilterError(text, startOffset, image.length, `there is no field ${image}${hint}`);
}

function spelled(operator: string): Comparison {
  if (operator === "==") return "=";
  if (operator === "<>") return "!=";
  return operator as Comparison;
}

function positiveOf(comparison: Comparison): { positive: Condition["operator"]; negated: boolean } {
  switch (comparison) {
    case "!=":
    case "not in":
      return { positive: "=", negated: true };
    case "in":
      return { positive: "=", negated: false };
    case "!~":
      return { positive: "~", negated: true };
    default:
      return { positive: comparison, negated: false };
  }
}
