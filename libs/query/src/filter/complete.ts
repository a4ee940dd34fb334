import { type IToken, tokenLabel } from "chevrotain";
import { comparisonsOf, type Field, fieldNamed, fields } from "./fields.ts";
import { follow, maxFilterLength, tooDeep } from "./follow.ts";
import { lexer, tokens } from "./syntax.ts";

export interface Completion {
  /** What is typed, from there to the position, is replaced by an item. */
  from: number;
  items: { text: string; doc: string }[];
}

/** Values that somebody knows of a field: the namespaces there are, for example. */
export type KnownValues = (field: string) => readonly string[];

/** Offered together with something else, or not worth offering. */
const hidden = new Set([tokens.word, tokens.text, tokens.in, tokens.operator]);

/** What could stand at `position` of an unfinished filter, best first. Never throws. */
export function complete(
  text: string,
  position: number,
  known: KnownValues = () => [],
): Completion {
  const typed = text.slice(0, Math.max(0, Math.min(position, text.length)));
  const { before, partial, from } = split(typed);
  if (typed.length > maxFilterLength || tooDeep(before) !== undefined) return { from, items: [] };
  const items = new Map<string, string>();
  const field = lastField(before);
  const { types, word } = follow(before);
  for (const type of types) {
    if (type === tokens.word && word === "field")
      for (const one of fields) items.set(one.name, one.doc);
    else if (type === tokens.word && field !== undefined)
      for (const value of valuesOf(field, known, partial[0])) items.set(value, field.doc);
    else if (type === tokens.operator && field !== undefined)
      for (const one of comparisonsOf(field.type)) items.set(one, `${field.name} ${one} ...`);
    else if (!hidden.has(type) && !(type === tokens.not && types.includes(tokens.operator)))
      items.set(tokenLabel(type), "");
  }
  const start = partial.toLowerCase();
  return {
    from,
    items: [...items]
      .filter(([item]) => item.toLowerCase().startsWith(start) && item !== partial)
      .map(([item, doc]) => ({ text: item, doc })),
  };
}

/** The word that is being typed is none of the tokens that are complete. */
function split(typed: string): { before: IToken[]; partial: string; from: number } {
  const { tokens: read, errors } = lexer.tokenize(typed);
  const [open] = errors;
  if (open !== undefined) {
    // A quote that is not closed yet.
    const before = read.filter((token) => token.startOffset < open.offset);
    return { before, partial: typed.slice(open.offset), from: open.offset };
  }
  const last = read.at(-1);
  const unfinished =
    last !== undefined && endOf(last) === typed.length && /[\w.:]$/.test(last.image);
  if (!unfinished) return { before: read, partial: "", from: typed.length };
  return { before: read.slice(0, -1), partial: last.image, from: last.startOffset };
}

function endOf(token: IToken): number {
  return token.startOffset + token.image.length;
}

/** The field that a comparison at the end is about. */
function lastField(before: readonly IToken[]): Field | undefined {
  const at = before.findLastIndex((token, index) => {
    const previous = before[index - 1]?.tokenType;
    const begins =
      previous === undefined ||
      previous === tokens.and ||
      previous === tokens.or ||
      previous === tokens.not ||
      previous === tokens.open;
    return token.tokenType === tokens.word && begins && fieldNamed(token.image) !== undefined;
  });
  const token = before[at];
  return token === undefined ? undefined : fieldNamed(token.image);
}

function valuesOf(field: Field, known: KnownValues, first: string | undefined): readonly string[] {
  switch (field.type.kind) {
    case "enum":
      return field.type.symbols;
    case "boolean":
      return ["true", "false"];
    case "protocol":
      return ["TCP", "UDP", "ICMP", "ICMPv6", "SCTP"];
    case "time":
      return ["5m", "1h", "24h", "7d"];
    default:
      return known(field.name).map((value) => quotedWhereNeeded(value, first));
  }
}

function quotedWhereNeeded(value: string, first: string | undefined): string {
  const quote = first === "'" ? "'" : '"';
  if (first !== quote && /^\w[\w.:/-]*$/.test(value) && !/^(and|or|not|in)$/i.test(value))
    return value;
  return `${quote}${value.replaceAll(/[\\"']/g, "\\$&")}${quote}`;
}
