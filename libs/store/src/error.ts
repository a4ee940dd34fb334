/**
 * What went wrong:
 * `sql` the engine refused the statement (see `clickhouseCode`); `refused` untrusted SQL asked for
 * what it may not have; `limit` a time, memory, row or size limit was reached; `busy` too many
 * statements are waiting; `full` there is no room on the disk; `locked` another process has the data directory; `migration` the schema
 * cannot be brought up to date; `backup` one cannot be made, or is broken; `unreachable` no server answers; `aborted`; `closed`.
 */
export type StoreErrorKind =
  | "sql"
  | "refused"
  | "limit"
  | "busy"
  | "full"
  | "locked"
  | "migration"
  | "backup"
  | "unreachable"
  | "aborted"
  | "closed";

export class StoreError extends Error {
  override readonly name = "StoreError";
  readonly kind: StoreErrorKind;
  /** ClickHouse's number, such as 62 for a syntax error. */
  readonly clickhouseCode: number | undefined;

  constructor(
    kind: StoreErrorKind,
    message: string,
    options: { cause?: unknown; clickhouseCode?: number | undefined } = {},
  ) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.kind = kind;
    this.clickhouseCode = options.clickhouseCode;
  }
}

/** Timeout, memory, rows or bytes of a result, rows or bytes read. */
const limitCodes = new Set([159, 160, 241, 158, 307, 396]);
/** Not enough privileges, read-only, function not allowed. */
const refusalCodes = new Set([497, 164, 446]);
const cancelledCode = 394;
const notEnoughSpaceCode = 243;
/** As the system says it, and the engine hands it on under several codes. */
const noSpaceLeft = /No space left on device|Disk quota exceeded/;

/** An engine's `Code: 62. DB::Exception: ...` as a StoreError; a StoreError stays what it is. */
export function asStoreError(cause: unknown): StoreError {
  if (cause instanceof StoreError) return cause;
  const text = cause instanceof Error ? cause.message : String(cause);
  const field = (cause as { code?: unknown }).code;
  const fromText = /Code: (\d+)\./.exec(text)?.[1];
  const fromField = typeof field === "string" && /^\d+$/.test(field) ? field : undefined;
  const code = fromText ?? fromField;
  if (Number(code) === notEnoughSpaceCode || noSpaceLeft.test(text) || field === "ENOSPC")
    return fullDisk(cause, text, code);
  if (code === undefined) {
    const unreachable = field === "ECONNREFUSED" || field === "ENOTFOUND" || field === "ECONNRESET";
    return new StoreError(unreachable ? "unreachable" : "sql", text, { cause });
  }
  const number = Number(code);
  const kind = limitCodes.has(number)
    ? "limit"
    : refusalCodes.has(number)
      ? "refused"
      : number === cancelledCode
        ? "aborted"
        : "sql";
  return new StoreError(kind, tidy(text), { cause, clickhouseCode: number });
}

function fullDisk(cause: unknown, text: string, code: string | undefined): StoreError {
  const advice = "no room on the disk of the store: free some, or keep less (retention)";
  const clickhouseCode = code === undefined ? undefined : Number(code);
  return new StoreError("full", `${advice}: ${tidy(text)}`, { cause, clickhouseCode });
}

/** The engine wraps a message in itself when the parser and the interpreter both complain. */
function tidy(text: string): string {
  return text.replace(/^(Code: \d+\. DB::Exception: )(?:Code: \d+\. DB::Exception: )+/, "$1");
}

/** Throws StoreError `aborted` when the caller has gone. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw abortedBy(signal);
}

/** The error of a statement that `signal` stopped. A StoreError given as the reason stays. */
export function abortedBy(signal: AbortSignal | undefined): StoreError {
  const why: unknown = signal?.reason;
  if (why instanceof StoreError) return why;
  return new StoreError("aborted", "the statement was stopped by its caller", { cause: why });
}
