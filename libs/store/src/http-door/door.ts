import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { timingSafeEqual } from "node:crypto";
import { type EmbeddedStore, openEmbeddedStore } from "../embedded/embedded-store.ts";
import type { EmbeddedStoreOptions } from "../embedded/embedded-store.ts";
import { asStoreError, StoreError } from "../error.ts";
import { stringLiteral } from "../sql-text.ts";
import { credentials, type DoorRequest, readRequest } from "./request.ts";
import { formatOf, insertWithData } from "./statement.ts";

export interface HttpDoorOptions {
  /** `127.0.0.1:8123`; port 0 takes a free one. Beyond loopback a password is required. */
  listen: string;
  user?: string;
  password?: string;
  maxBodyBytes?: number;
  /** Requests at once; more get 503. */
  maxRequests?: number;
}

export interface HttpDoor extends AsyncDisposable {
  /** http://127.0.0.1:8123 */
  readonly url: string;
  close(): Promise<void>;
}

/**
 * ClickHouse's HTTP interface over the engine in this process, so that several processes can work
 * with one data directory where no ClickHouse server is at hand. No server: one process, no users,
 * results are made whole before they are sent. Speaks what @clickhouse/client and curl need.
 * A store that is passed in stays open at `close`; one opened here is closed with the door.
 */
export async function startEmbeddedHttpDoor(
  over: EmbeddedStore | EmbeddedStoreOptions,
  options: HttpDoorOptions,
): Promise<HttpDoor> {
  const { host, port } = parseListen(options.listen);
  if (!["127.0.0.1", "::1", "localhost"].includes(host) && options.password === undefined)
    throw new StoreError(
      "refused",
      `${options.listen} is not loopback: set a password, or listen on 127.0.0.1`,
    );
  const own = !("insertNative" in over);
  const store = own ? await openEmbeddedStore(over) : over;
  const server = createServer();
  const door = new Door(store, options);
  server.on("request", (request, response) => void door.answer(request, response));
  try {
    await listen(server, host, port);
  } catch (cause) {
    if (own) await store.close();
    throw new StoreError("unreachable", `cannot listen on ${options.listen}: ${String(cause)}`, {
      cause,
    });
  }
  const address = server.address() as AddressInfo;
  const shown = address.family === "IPv6" ? `[${address.address}]` : address.address;
  const close = async () => {
    server.closeAllConnections();
    await new Promise<void>((resolve) => server.close(() => resolve()));
    if (own) await store.close();
  };
  return { url: `http://${shown}:${address.port}`, close, [Symbol.asyncDispose]: close };
}

class Door {
  readonly #store: EmbeddedStore;
  readonly #options: HttpDoorOptions;
  #requests = 0;

  constructor(store: EmbeddedStore, options: HttpDoorOptions) {
    this.#store = store;
    this.#options = options;
  }

  async answer(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = new URL(message.url ?? "/", "http://door").pathname;
    const hasQuery = message.url?.includes("query=") === true || message.method === "POST";
    if (path === "/ping" || path === "/replicas_status" || (path === "/" && !hasQuery)) {
      response.end("Ok.\n");
      return;
    }
    const gone = new AbortController();
    response.on("close", () => gone.abort());
    this.#requests++;
    try {
      if (this.#requests > (this.#options.maxRequests ?? 64))
        throw new StoreError("busy", "too many requests at once: try again in a moment");
      this.#authenticate(message);
      const request = await readRequest(message, this.#options.maxBodyBytes ?? 256 * 1024 * 1024);
      await this.#run(request, response, gone.signal);
    } catch (cause) {
      fail(response, asStoreError(cause));
    } finally {
      this.#requests--;
    }
  }

  #authenticate(message: IncomingMessage): void {
    const { password = "", user = "default" } = this.#options;
    const given = credentials(message);
    if (given.user !== user || !same(given.password, password))
      throw new StoreError("refused", authenticationFailed(given.user), { clickhouseCode: 516 });
  }

  async #run(request: DoorRequest, response: ServerResponse, signal: AbortSignal): Promise<void> {
    if (request.queryId !== undefined)
      response.setHeader("X-ClickHouse-Query-Id", request.queryId.replaceAll(/[^\w-]/g, "_"));
    const head = request.sql === "" ? Buffer.from(request.data.subarray(0, 65_536)) : undefined;
    const insert = insertWithData(head === undefined ? request.sql : head.toString("latin1"));
    if (insert !== undefined && !request.readOnly) {
      const rest = request.sql.slice(insert.dataAt);
      const data =
        head === undefined
          ? Buffer.concat([Buffer.from(rest, "utf8"), request.data])
          : request.data.subarray(insert.dataAt);
      const settings = { ...request.settings, ...insert.settings };
      const table =
        head === undefined ? insert.head : Buffer.from(insert.head, "latin1").toString();
      await this.#store.insertBytes(table, insert.format, data, settings, request.database);
      succeed(response, "TabSeparated", new Uint8Array(0), 0);
      return;
    }
    const body = Buffer.from(request.data).toString("utf8");
    const sql = request.sql === "" ? body : `${request.sql}\n${body}`;
    await this.#select({ ...request, sql: sql.trim().replace(/;$/, "") }, response, signal);
  }

  async #select(
    request: DoorRequest,
    response: ServerResponse,
    signal: AbortSignal,
  ): Promise<void> {
    await this.#refuseFiles(request);
    const format = formatOf(request.sql) ?? request.format;
    const { bytes, rows } = await this.#store.run({
      sql: request.sql,
      format: request.format,
      settings: request.settings,
      parameterTexts: request.parameters,
      as: request.readOnly ? "reader" : "owner",
      database: request.database,
      signal,
    });
    succeed(response, format, bytes, rows);
  }

  /** No server would read or write files of its own for a client; the engine in here would. */
  async #refuseFiles(request: DoorRequest): Promise<void> {
    const parsed = await this.#store.run({
      sql: `SELECT formatQuerySingleLine(${stringLiteral(request.sql)})`,
      format: "TSVRaw",
    });
    const bare = Buffer.from(parsed.bytes)
      .toString("utf8")
      .replaceAll(/'(?:[^'\\]|\\.)*'/g, "''")
      .replaceAll(/"(?:[^"\\]|\\.)*"/g, '""');
    if (/\b(INTO OUTFILE|FROM INFILE)\b|(^|[^\w.])`?(file|catboostEvaluate)`?\(/.test(bare))
      throw new StoreError("refused", "files are not open to clients of this door", {
        clickhouseCode: 497,
      });
  }
}

function succeed(response: ServerResponse, format: string, bytes: Uint8Array, rows: number): void {
  response.setHeader("X-ClickHouse-Format", format);
  response.setHeader("X-ClickHouse-Timezone", "UTC");
  response.setHeader("X-ClickHouse-Server-Display-Name", "weir embedded engine");
  const summary = { read_rows: `${rows}`, read_bytes: "0", written_rows: "0", written_bytes: "0" };
  response.setHeader("X-ClickHouse-Summary", JSON.stringify(summary));
  response.setHeader("Content-Type", contentTypes[format] ?? "text/plain; charset=UTF-8");
  response.end(bytes);
}

/** As ClickHouse prints errors, so that its clients can read them. */
function fail(response: ServerResponse, error: StoreError): void {
  if (response.destroyed || response.headersSent) return;
  const code = error.clickhouseCode ?? (error.kind === "busy" ? 202 : 497);
  const whole = /^Code: \d+\. DB::Exception: /.test(error.message);
  const type = error.kind === "busy" ? "TOO_MANY_SIMULTANEOUS_QUERIES" : "ACCESS_DENIED";
  const text = whole ? error.message : `Code: ${code}. DB::Exception: ${error.message} (${type})`;
  response.statusCode = statusOf(code, error);
  response.setHeader("X-ClickHouse-Exception-Code", String(code));
  response.setHeader("Content-Type", "text/plain; charset=UTF-8");
  response.end(`${text} (version weir embedded engine)\n`);
}

function statusOf(code: number, error: StoreError): number {
  if (error.kind === "busy") return 503;
  if (code === 516) return 401;
  if (error.kind === "refused") return 403;
  if ([46, 47, 60, 81].includes(code)) return 404;
  if ([6, 27, 36, 38, 41, 43, 53, 62, 115, 117, 456].includes(code)) return 400;
  return 500;
}

const contentTypes: Record<string, string> = {
  CSV: "text/csv; charset=UTF-8",
  CSVWithNames: "text/csv; charset=UTF-8",
  JSON: "application/json; charset=UTF-8",
  JSONCompact: "application/json; charset=UTF-8",
  JSONEachRow: "application/x-ndjson; charset=UTF-8",
  Native: "application/octet-stream",
  RowBinary: "application/octet-stream",
  TabSeparated: "text/tab-separated-values; charset=UTF-8",
};

function authenticationFailed(user: string): string {
  return `Code: 516. DB::Exception: ${user.slice(0, 64)}: Authentication failed: password is incorrect, or there is no user with such name. (AUTHENTICATION_FAILED)`;
}

function same(given: string, wanted: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(wanted)];
  return a.length === b.length && timingSafeEqual(a, b);
}

function parseListen(text: string): { host: string; port: number } {
  const match = /^(?:\[(?<v6>[^\]]+)\]|(?<v4>[^:[\]]+)):(?<port>\d{1,5})$/.exec(text);
  const host = match?.groups?.["v6"] ?? match?.groups?.["v4"];
  if (host === undefined)
    throw new StoreError("refused", `${text} is no address to listen on: write 127.0.0.1:8123`);
  return { host, port: Number(match?.groups?.["port"]) };
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => resolve());
  });
}
