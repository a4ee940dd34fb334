import type { IncomingMessage } from "node:http";
import { pipeline } from "node:stream";
import { createGunzip } from "node:zlib";
import { StoreError } from "../error.ts";

/** What a request of ClickHouse's HTTP interface asks for. */
export interface DoorRequest {
  sql: string;
  /** Body that is data, when the statement came in the URL. */
  data: Uint8Array;
  parameters: Record<string, string>;
  settings: Record<string, string>;
  database: string | undefined;
  format: string;
  queryId: string | undefined;
  readOnly: boolean;
}

/** Parameters of the URL that are neither settings nor values for the statement. */
const notSettings = new Set([
  "buffer_size",
  "client_protocol_version",
  "compress",
  "decompress",
  "default_format",
  "enable_http_compression",
  "password",
  "query",
  "query_id",
  "quota_key",
  "role",
  "session_check",
  "session_id",
  "session_timeout",
  "stacktrace",
  "user",
  "wait_end_of_query",
]);

/** Settings of the HTTP interface itself, which the engine would take for nothing. */
const ofHttp = /^(http_|send_progress_in_http_headers|cancel_http_|add_http_cors_header)/;

/** Reads a request to its end. Throws StoreError `limit` for a body above `maxBodyBytes`. */
export async function readRequest(
  message: IncomingMessage,
  maxBodyBytes: number,
): Promise<DoorRequest> {
  const url = new URL(message.url ?? "/", "http://door");
  const body = await readBody(message, maxBodyBytes);
  const inUrl = url.searchParams.get("query");
  const parameters: Record<string, string> = {};
  const settings: Record<string, string> = {};
  for (const [key, value] of url.searchParams) {
    if (key.startsWith("param_")) parameters[key.slice("param_".length)] = value;
    else if (!notSettings.has(key) && !ofHttp.test(key) && key !== "database")
      settings[key] = value;
  }
  const readOnly = message.method === "GET" || Number(settings["readonly"] ?? 0) > 0;
  delete settings["readonly"];
  return {
    sql: inUrl ?? "",
    data: body,
    parameters,
    settings,
    database:
      url.searchParams.get("database") ?? headerOf(message, "x-clickhouse-database") ?? undefined,
    format:
      url.searchParams.get("default_format") ??
      headerOf(message, "x-clickhouse-format") ??
      "TabSeparated",
    queryId: url.searchParams.get("query_id") ?? undefined,
    readOnly,
  };
}

/** User and password as URL parameters, headers or basic authentication. */
export function credentials(message: IncomingMessage): { user: string; password: string } {
  const url = new URL(message.url ?? "/", "http://door");
  const basic = /^basic (.+)$/i.exec(message.headers.authorization ?? "")?.[1];
  if (basic !== undefined) {
    const text = Buffer.from(basic, "base64").toString("utf8");
    const colon = text.indexOf(":");
    return { user: text.slice(0, colon), password: text.slice(colon + 1) };
  }
  return {
    user: headerOf(message, "x-clickhouse-user") ?? url.searchParams.get("user") ?? "default",
    password: headerOf(message, "x-clickhouse-key") ?? url.searchParams.get("password") ?? "",
  };
}

function headerOf(message: IncomingMessage, name: string): string | undefined {
  const value = message.headers[name];
  return typeof value === "string" ? value : undefined;
}

async function readBody(message: IncomingMessage, maxBytes: number): Promise<Uint8Array> {
  const zipped = message.headers["content-encoding"] === "gzip";
  // Unlike pipe, a pipeline ends its last stream with an error when the client goes away.
  const stream = zipped ? pipeline(message, createGunzip(), () => {}) : message;
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    bytes += (chunk as Buffer).length;
    if (bytes > maxBytes)
      throw new StoreError("limit", `the body has more than ${maxBytes} bytes: send fewer rows`);
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks);
}
