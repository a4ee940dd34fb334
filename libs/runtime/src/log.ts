import { Writable } from "node:stream";
import pino from "pino";
import { sanitize, sanitizeJson } from "./sanitize.ts";

export type LogLevel = "debug" | "info" | "warn" | "error" | "fatal" | "silent";

/** Structured log: fields first, then a text of one sentence. An `error` field keeps its stack. */
export interface Log {
  debug(fields: object, text: string): void;
  info(fields: object, text: string): void;
  warn(fields: object, text: string): void;
  error(fields: object, text: string): void;
  fatal(fields: object, text: string): void;
  /** A log that carries `bindings` on every line. */
  child(bindings: Record<string, unknown>): Log;
  level: string;
}

export interface LogOptions {
  /** Station or part; the `name` field. */
  name: string;
  /** Default `info`. `weir up` uses `warn` for its stations, so that flows stay readable. */
  level?: LogLevel;
  /** Default stderr: stdout carries data only. */
  destination?: NodeJS.WritableStream;
  /** Readable lines instead of JSON. Default: whether the destination is a terminal. */
  pretty?: boolean;
}

/**
 * A log on pino without worker transports. JSON with one object per line, or readable lines on a
 * terminal; control and bidi characters of any value are escaped in both.
 */
export function createLog(options: LogOptions): Log {
  const destination = options.destination ?? process.stderr;
  const pretty = options.pretty ?? (destination as { isTTY?: boolean }).isTTY === true;
  const colour = pretty && (process.env.NO_COLOR ?? "") === "";
  const sink = new Writable({
    decodeStrings: false,
    write(line: string, _encoding, done) {
      destination.write(pretty ? prettyLine(line, colour) : sanitizeJson(line));
      done();
    },
  });
  return pino(
    {
      name: options.name,
      level: options.level ?? "info",
      base: {},
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { error: pino.stdSerializers.err, err: pino.stdSerializers.err },
    },
    sink,
  );
}

/** A log that writes nothing; for tests and for callers that bring none. */
export function silentLog(): Log {
  return pino({ level: "silent" });
}

const COLOURS: Record<string, string> = { warn: "33", error: "31", fatal: "31;1", debug: "2" };
const HEAD = new Set(["level", "time", "name", "msg", "error", "err"]);

function prettyLine(json: string, colour: boolean): string {
  let record: Record<string, unknown>;
  try {
    record = JSON.parse(json) as Record<string, unknown>;
  } catch {
    return `${sanitize(json.trimEnd(), true)}\n`;
  }
  const level = String(record.level);
  const clock = String(record.time).slice(11, 19);
  const parts = [clock, level.padEnd(5), `${text(record.name)}:`, text(record.msg)];
  for (const [key, value] of Object.entries(record)) {
    if (!HEAD.has(key)) parts.push(`${sanitize(key, true)}=${text(value)}`);
  }
  let line = parts.join(" ");
  const error = (record.error ?? record.err) as { message?: string; stack?: string } | undefined;
  if (typeof error === "object" && error !== null) {
    line += `: ${text(error.message)}`;
    if (level === "fatal" || level === "debug") line += `\n${sanitize(error.stack ?? "")}`;
  } else if (error !== undefined) line += `: ${text(error)}`;
  const code = colour ? COLOURS[level] : undefined;
  return code === undefined ? `${line}\n` : `\u001b[${code}m${line}\u001b[0m\n`;
}

function text(value: unknown): string {
  return sanitize(typeof value === "string" ? value : (JSON.stringify(value) ?? ""), true);
}
