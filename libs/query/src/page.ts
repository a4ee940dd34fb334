import { QuestionError } from "./question-error.ts";

/** Of a question whose answer comes in pages. */
export interface Page {
  /** At most so many rows. */
  limit?: number | undefined;
  /** One row beyond the limit, where there is one: it tells that there is another page. */
  andOneMore?: boolean | undefined;
}

/** Rows that the engine is asked for. Throws QuestionError for a limit beyond `most`. */
export function rowsOfPage({ limit, andOneMore }: Page, most: number, byDefault = most): number {
  const rows = limit ?? byDefault;
  if (!Number.isInteger(rows) || rows < 1 || rows > most)
    throw new QuestionError(`--limit is a number from 1 to ${most}`);
  return andOneMore ? rows + 1 : rows;
}

/** Where a page of sums ended: so many rows came before the next, of this range. */
export interface SumsCursor {
  /** Microseconds since 1970. */
  since: number;
  until?: number | undefined;
  rows: number;
}

/** The cursor as text, for the front ends to hand out. */
export function sumsCursorText({ since, until, rows }: SumsCursor): string {
  return `${Math.round(since)}-${until === undefined ? "" : Math.round(until)}-${rows}`;
}

/** Throws QuestionError for what is no cursor. */
export function parseSumsCursor(text: string): SumsCursor {
  const [, since, until, rows] = /^(\d{1,16})-(\d{0,16})-(\d{1,9})$/.exec(text) ?? [];
  if (since === undefined)
    throw new QuestionError(`${JSON.stringify(text)} is no cursor: take it as an answer gave it`);
  return {
    since: Number(since),
    until: until === "" ? undefined : Number(until),
    rows: Number(rows),
  };
}
