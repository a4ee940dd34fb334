import { types } from "node:util";

export type BusErrorCode =
  /** No such topic: call ensureTopics first. */
  | "unknown_topic"
  /** A message past the carrier's largest size. */
  | "too_large"
  /** What the carrier can never take, e.g. a message without key on a compacted topic. */
  | "invalid"
  /** No room within the time allowed, because a group does not commit. */
  | "full"
  /** The partition belongs to another member of the group by now. */
  | "fenced"
  /** The carrier cannot be reached within the retries allowed. */
  | "unavailable"
  /** A stored topic is damaged in the middle. */
  | "corrupt"
  /** A tail or a table fell behind what is kept. */
  | "skipped"
  /** The bus or the reader has been closed. */
  | "closed";

/** Every error of a carrier; the message says what to do next. */
export class BusError extends Error {
  override readonly name = "BusError";
  readonly code: BusErrorCode;

  constructor(code: BusErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** The error and what caused it, outermost first. */
export function* causesOf(thrown: unknown): Generator<{ name?: string; type?: string }> {
  for (let at = thrown; typeof at === "object" && at !== null; at = (at as Error).cause) yield at;
}

export function asError(thrown: unknown): Error {
  return types.isNativeError(thrown) ? thrown : new Error(String(thrown));
}
