import { getSystemErrorMap } from "node:util";
import { native } from "./native.ts";

/** Errors that only the kernel's inside has a number for, and that leak out of bpf(2). */
const kernelOnly = new Map<number, [string, string]>([
  [524, ["ENOTSUPP", "not supported by this kernel or this object"]],
]);

const messageLines = 12;

/**
 * A call that the kernel or libbpf refused.
 *
 * `code` is the errno's name (`EINVAL`), `operation` what was tried, `log` what libbpf said during
 * it and `verifierLog` the verifier's part of that; both are bounded by the object's `logBytes`
 * and keep their end.
 */
export class BpfError extends Error {
  readonly code: string;
  readonly errno: number;
  readonly operation: string;
  readonly log: string;
  readonly verifierLog: string;
  /** Of a batch: how many elements were done before the error. */
  readonly completed: number | undefined;

  constructor(
    operation: string,
    errno: number,
    details: { hint?: string; log?: string; completed?: number } = {},
  ) {
    const log = details.log ?? "";
    const [code, text] = describe(errno);
    const hint = [details.hint, rights(code)].map((part) => (part ? `: ${part}` : "")).join("");
    super(`${operation}: ${code} (${text})${hint}${tail(log)}`);
    this.name = "BpfError";
    this.code = code;
    this.errno = errno;
    this.operation = operation;
    this.log = log;
    this.verifierLog = verifierPart(log);
    this.completed = details.completed;
  }
}

function describe(errno: number): [string, string] {
  return getSystemErrorMap().get(-errno) ?? kernelOnly.get(errno) ?? [`E${errno}`, "unknown error"];
}

function rights(code: string): string | undefined {
  if (code !== "EPERM" || process.geteuid?.() === 0) return undefined;
  return "it takes root, or CAP_BPF with CAP_NET_ADMIN and CAP_PERFMON";
}

/** The number of an errno's name. */
export function errnoOf(code: string): number {
  for (const [errno, [name]] of getSystemErrorMap()) if (name === code) return -errno;
  for (const [errno, [name]] of kernelOnly) if (name === code) return errno;
  throw new RangeError(`no errno is called ${code}`);
}

function tail(log: string): string {
  const lines = log.trimEnd().split("\n").filter(Boolean);
  return lines.length === 0 ? "" : `\n${lines.slice(-messageLines).join("\n")}`;
}

/** Between libbpf's own marks; the first mark is missing where the log was longer than its bound. */
function verifierPart(log: string): string {
  const end = log.lastIndexOf("-- END PROG LOAD LOG --");
  if (end < 0) return "";
  const begin = log.lastIndexOf("-- BEGIN PROG LOAD LOG --", end);
  const start = begin < 0 ? 0 : log.indexOf("\n", begin) + 1;
  return log.slice(start, log.lastIndexOf("\n", end) + 1);
}

/** Passes on what the addon returned, or throws what its errno says. */
export function checked<T>(operation: string, result: T | number, hint?: string): T {
  if (typeof result === "number" && result < 0) throw failure(operation, result, hint);
  return result as T;
}

/** The error of a negative result, with what libbpf said about it. */
export function failure(operation: string, result: number, hint?: string): BpfError {
  return new BpfError(operation, -result, {
    log: native.takeLog(),
    ...(hint === undefined ? {} : { hint }),
  });
}

/** An error of the binding itself, under the errno that says the same. */
export function refusal(operation: string, code: string, hint: string): BpfError {
  return new BpfError(operation, errnoOf(code), { hint });
}
