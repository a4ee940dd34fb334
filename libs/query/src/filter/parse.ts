import { type IToken, tokenLabel } from "chevrotain";
import { check, type Filter } from "./check.ts";
import { FilterError } from "./filter-error.ts";
import { follow, maxFilterLength, maxNesting, parseTokens, tooDeep } from "./follow.ts";
import { lexer, type Syntax, tokens } from "./syntax.ts";

/**
 * `src.namespace = "shop" and dst.port in (80, 443) and not verdict = denied`. Durations are times
 * before `nowMs`. Throws FilterError, which shows the place.
 */
export function parseFilter(text: string, nowMs: number): Filter {
  if (text.length > maxFilterLength)
    throw new FilterError(
      text,
      maxFilterLength,
      1,
      `a filter has at most ${maxFilterLength} characters`,
    );
  const { tokens: read, errors } = lexer.tokenize(text);
  const [unread] = errors;
  if (unread !== undefined)
    throw new FilterError(
      text,
      unread.offset,
      1,
      /["']/.test(text[unread.offset] ?? "")
        ? "the quote is not closed"
        : `${text[unread.offset]} has no meaning here; put it in quotes if it belongs to a value`,
    );
  limitNesting(text, read);
  return check(text, parse(text, read), nowMs);
}

function parse(text: string, read: IToken[]): Syntax {
  const parsed = parseTokens(read);
  if ("syntax" in parsed) return parsed.syntax;
  const { token } = parsed;
  const at = token?.startOffset ?? text.trimEnd().length;
  const before = read.filter((one) => one.startOffset < at);
  const found =
    token === undefined ? "the filter ends too early" : `${token.image} is not expected here`;
  throw new FilterError(text, at, token?.image.length ?? 1, `${found}: ${expected(before)}`);
}

/** What could follow, in words. */
function expected(before: IToken[]): string {
  const { types, word } = follow(before);
  const words = types
    .filter((type) => !(type === tokens.text && word === "value"))
    .map((type) => {
      if (type === tokens.word) return `a ${word}`;
      return type === tokens.operator ? "a comparison (= != ~ < >)" : `"${tokenLabel(type)}"`;
    });
  const last = words.pop();
  return `it takes ${words.length === 0 ? last : `${words.join(", ")} or ${last}`}`;
}

function limitNesting(text: string, read: IToken[]): void {
  const at = tooDeep(read);
  if (at !== undefined)
    throw new FilterError(text, at, 1, `a filter nests at most ${maxNesting} deep`);
}
