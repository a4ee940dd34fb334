import { QuestionError } from "../question-error.ts";

/** Characters of a long filter that are shown around the place. */
const shownBefore = 60;
const shownAfter = 40;

/** A filter that cannot be asked; the message shows the place with carets under it. */
export class FilterError extends QuestionError {
  /** What is wrong, in one line. */
  readonly reason: string;
  /** Where, as offsets into the text. */
  readonly at: number;
  readonly length: number;

  constructor(text: string, at: number, length: number, reason: string) {
    super(`${reason}\n${placeOf(text, at, length)}`);
    this.reason = reason;
    this.at = at;
    this.length = length;
  }
}

function placeOf(text: string, at: number, length: number): string {
  const from = at > shownBefore ? at - shownBefore : 0;
  const to = Math.min(text.length, Math.max(at + length, at + 1) + shownAfter);
  // One character each, so that the caret stands where it should.
  const line = text.slice(from, to).replaceAll(/\s/g, " ");
  const carets = "^".repeat(Math.min(Math.max(1, length), to - at || 1));
  return `  ${line}\n  ${" ".repeat(at - from)}${carets}`;
}
