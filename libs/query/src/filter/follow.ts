import { createTokenInstance, EOF, type IToken, type TokenType } from "chevrotain";
import { filterParser, type Syntax, tokens } from "./syntax.ts";

/** Longer filters are refused. */
export const maxFilterLength = 8192;
/** Parentheses and `not` around one condition, at most: the parser calls itself for each. */
export const maxNesting = 64;

/** Where the nesting goes beyond its bound; undefined when it does not. */
export function tooDeep(read: IToken[]): number | undefined {
  let open = 0;
  let nots = 0;
  for (const { tokenType, startOffset } of read) {
    if (tokenType === tokens.open) open++;
    else if (tokenType === tokens.close) open--;
    else if (tokenType === tokens.not) nots++;
    else if (tokenType === tokens.and || tokenType === tokens.or) nots = 0;
    if (open + nots > maxNesting) return startOffset;
  }
  return undefined;
}

/** What may come next in a filter. */
export interface Follow {
  types: TokenType[];
  /** What a word would be there. */
  word: "field" | "value";
}

const candidates: TokenType[] = [
  tokens.word,
  tokens.text,
  tokens.operator,
  tokens.not,
  tokens.in,
  tokens.open,
  tokens.close,
  tokens.comma,
  tokens.and,
  tokens.or,
];

export type Parsed =
  | { syntax: Syntax }
  /** The first token that does not fit; without one, the text ends too early. */
  | { token: IToken | undefined; rule: string };

export function parseTokens(read: IToken[]): Parsed {
  const parser = filterParser();
  parser.input = read;
  const syntax = parser.filter();
  const [error] = parser.errors;
  if (error === undefined) return { syntax };
  return {
    token: error.token.tokenType === EOF ? undefined : error.token,
    rule: error.context.ruleStack.at(-1) ?? "",
  };
}

/** Tries each kind of token after `before`: it fits when the parser, if it complains, wants more. */
export function follow(before: IToken[]): Follow {
  const parsed = parseTokens(before);
  const types = candidates.filter((type) => {
    const tried = parseTokens([...before, someToken(type, before.at(-1))]);
    return "syntax" in tried || tried.token === undefined;
  });
  const inValue = "rule" in parsed && ["comparison", "values", "value"].includes(parsed.rule);
  return { types, word: inValue ? "value" : "field" };
}

function someToken(type: TokenType, previous: IToken | undefined): IToken {
  const at = previous === undefined ? 0 : previous.startOffset + previous.image.length;
  return createTokenInstance(type, type.name, at, at, 1, 1, at, at);
}
