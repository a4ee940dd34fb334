import { existsSync, readFileSync } from "node:fs";
import { type IncomingMessage, request } from "node:http";
import { hostname, userInfo } from "node:os";
import { CommandError, exitCodes } from "./exit.ts";
import { runDirectory } from "./run-directory.ts";

export interface ClientOptions {
  /** Base URL; default WEIR_API, else the weir that runs on this machine, else port 7780. */
  api?: string;
}

export interface Call {
  method?: "GET" | "POST" | "DELETE";
  path: string;
  query?: Record<string, string | number | boolean | undefined>;
  /** Sent as JSON when an object, as it is when text. */
  body?: object | string;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

/** problem+json of the API. */
interface ProblemBody {
  title?: string;
  detail?: string;
  problems?: string[];
}

export const defaultApi = "http://127.0.0.1:7780";

/** Where the API is. Throws when what was given is no URL. */
export function apiAddress(options: ClientOptions = {}): URL {
  const given = options.api ?? process.env["WEIR_API"] ?? running()?.url ?? defaultApi;
  try {
    return new URL(given.includes("://") ? given : `http://${given}`);
  } catch {
    throw new CommandError(`${given} is no URL; give one like ${defaultApi}`, exitCodes.usage);
  }
}

function running(): { url: string } | undefined {
  const path = `${runDirectory()}/api.json`;
  if (!existsSync(path)) return undefined;
  try {
    const file = JSON.parse(readFileSync(path, "utf8")) as { url: string; pid: number };
    return existsSync(`/proc/${file.pid}`) ? file : undefined;
  } catch {
    return undefined;
  }
}

function token(): string | undefined {
  const path = process.env["WEIR_TOKEN_FILE"];
  if (!path) return undefined;
  try {
    return readFileSync(path, "utf8").trim();
  } catch (error) {
    throw new CommandError(`WEIR_TOKEN_FILE: ${(error as Error).message}`);
  }
}

/** For the log of the API: what it cannot know itself. */
export function whoAsks(): string {
  return `${userInfo().username}@${hostname()}`;
}

/** Opens a request; resolves with the response when its status is 2xx. */
export function open(call: Call, options: ClientOptions): Promise<IncomingMessage> {
  const url = new URL(call.path, apiAddress(options));
  for (const [name, value] of Object.entries(call.query ?? {})) {
    if (value !== undefined) url.searchParams.set(name, String(value));
  }
  const text = typeof call.body === "object" ? JSON.stringify(call.body) : call.body;
  const bearer = token();
  const headers = {
    ...(typeof call.body === "object" ? { "content-type": "application/json" } : {}),
    ...(text === undefined ? {} : { "content-length": String(Buffer.byteLength(text)) }),
    ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
    ...call.headers,
  };
  return new Promise((resolve, reject) => {
    const outgoing = request(
      url,
      { method: call.method ?? "GET", headers, ...(call.signal ? { signal: call.signal } : {}) },
      (response) => {
        if ((response.statusCode ?? 500) < 300) resolve(response);
        else refusal(response).then(reject, reject);
      },
    );
    outgoing.on("error", (error: NodeJS.ErrnoException) => reject(unreachable(url, error)));
    outgoing.end(text);
  });
}

function unreachable(url: URL, error: NodeJS.ErrnoException): Error {
  if (error.name === "AbortError") return error;
  if (error.code === "ECONNREFUSED" || error.code === "ENOENT") {
    return new CommandError(
      `no weir answers at ${url.origin}. Start one with: weir up --lab shop   (or name another with --api or WEIR_API)`,
    );
  }
  return new CommandError(`${url.origin}: ${error.message}`, exitCodes.failed, { cause: error });
}

async function refusal(response: IncomingMessage): Promise<CommandError> {
  const text = await body(response);
  const status = response.statusCode ?? 500;
  const code =
    status === 404 ? exitCodes.denied : status === 400 ? exitCodes.usage : exitCodes.failed;
  let problem: ProblemBody;
  try {
    problem = JSON.parse(text) as ProblemBody;
  } catch {
    return new CommandError(`the API answered ${status}: ${text.slice(0, 500)}`, code);
  }
  const said = [problem.detail ?? problem.title ?? `the API answered ${status}`];
  return new CommandError([...said, ...(problem.problems ?? [])].join("\n"), code);
}

/** The whole body as text. */
export async function body(response: IncomingMessage): Promise<string> {
  response.setEncoding("utf8");
  let text = "";
  for await (const chunk of response) text += chunk as string;
  return text;
}

/** One JSON document. */
export async function ask<T>(call: Call, options: ClientOptions): Promise<T> {
  return JSON.parse(await body(await open(call, options))) as T;
}

/** Rows of one page at most. */
const maxPageRows = 100_000;

/**
 * An answer page by page, each asked for when the one before was read: up to `rows` rows, or to the
 * end where the API says how many a page has.
 */
export async function* pages(
  call: Call,
  options: ClientOptions,
  rows?: number,
): AsyncGenerator<IncomingMessage> {
  let left = rows ?? Infinity;
  let cursor: string | undefined;
  do {
    const limit = rows === undefined ? undefined : Math.min(left, maxPageRows);
    const query = { ...call.query, limit, cursor };
    const response = await open({ ...call, query }, options);
    yield response;
    const next = response.headers["weir-next"];
    cursor = typeof next === "string" ? next : undefined;
    left -= Number(response.headers["weir-truncated"] ?? 0);
  } while (cursor !== undefined && left > 0);
}

/** Lists of JSON, page after page, as one. */
export async function askAll<T>(call: Call, options: ClientOptions): Promise<T[]> {
  const all: T[] = [];
  for await (const page of pages(call, options))
    for (const one of JSON.parse(await body(page)) as T[]) all.push(one);
  return all;
}

/** Lines of a response as they come, without their ends. */
export async function* lines(response: IncomingMessage): AsyncGenerator<string> {
  response.setEncoding("utf8");
  let rest = "";
  for await (const chunk of response) {
    const parts = (rest + (chunk as string)).split("\n");
    rest = parts.pop() ?? "";
    yield* parts.filter((line) => line !== "");
  }
  if (rest !== "") yield rest;
}
