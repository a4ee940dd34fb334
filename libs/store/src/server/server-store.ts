import { Readable } from "node:stream";
import {
  type ClickHouseClient,
  ClickHouseLogLevel,
  createClient,
  type DataFormat,
} from "@clickhouse/client";
import type { Progress, QueryLimits, QueryOptions, Store } from "../contract.ts";
import { Turnstile } from "../embedded/turnstile.ts";
import { abortedBy, asStoreError, StoreError, throwIfAborted } from "../error.ts";
import { checkedFormat } from "../formats.ts";
import { insertSettings } from "../insert-settings.ts";
import { parseRows } from "../json-rows.ts";
import { defaultQueryLimits, limitSettings, narrowed, statementSettings } from "../limits.ts";
import { migrate } from "../migrate/migrate.ts";
import { schemaDirectory } from "../migrate/migrations.ts";
import { marked, progressOf } from "../progress.ts";
import { admitReadOnly } from "../read-only/admit.ts";
import type { RetentionChange } from "../retention.ts";
import { identifier } from "../sql-text.ts";

export interface ServerStoreOptions {
  /** http://HOST:8123 or https://... */
  url: string;
  user?: string;
  password?: string;
  /** A user for untrusted SQL; give it SELECT on the database and nothing else. Default: `user`. */
  reader?: { user: string; password: string };
  database?: string;
  schemaDirectory?: string;
  limits?: Partial<QueryLimits>;
  retention?: RetentionChange;
  /** Connections to the server at once. */
  maxConnections?: number;
  maxWaitingInserts?: number;
  /** A larger block is refused. */
  maxBlockBytes?: number;
}

/** A ClickHouse server behind the same contract. Connects at the first statement. */
export function openServerStore(options: ServerStoreOptions): Promise<ServerStore> {
  return Promise.resolve(new ServerStore(options));
}

export class ServerStore implements Store {
  readonly kind = "server";
  readonly #options: ServerStoreOptions;
  readonly #limits: QueryLimits;
  readonly #database: string;
  readonly #maxBlockBytes: number;
  readonly #client: ClickHouseClient;
  readonly #reader: ClickHouseClient;
  /** One insert at a time: the server's counter of repeated blocks then mostly tells whose it was. */
  readonly #inserts: Turnstile;

  constructor(options: ServerStoreOptions) {
    this.#options = options;
    this.#limits = { ...defaultQueryLimits, ...options.limits };
    this.#database = options.database ?? "weir";
    this.#maxBlockBytes = options.maxBlockBytes ?? 256 * 1024 * 1024;
    this.#inserts = new Turnstile(1, options.maxWaitingInserts ?? 64);
    this.#client = this.#connect(options.user, options.password);
    this.#reader =
      options.reader === undefined
        ? this.#client
        : this.#connect(options.reader.user, options.reader.password);
  }

  async migrate(): Promise<void> {
    // The server refuses a connection to a database that is not there yet.
    const first = this.#connect(this.#options.user, this.#options.password, "default");
    try {
      await this.#exec(first, `CREATE DATABASE IF NOT EXISTS ${identifier(this.#database)}`);
    } finally {
      await first.close();
    }
    await migrate(
      this,
      this.#options.schemaDirectory ?? schemaDirectory,
      this.#options.retention ?? {},
    );
  }

  /**
   * The answer is exact while no other process inserts a repeated block in the same moment; the
   * rows are right in any case.
   */
  async insertNative(table: string, block: Uint8Array, token: string): Promise<boolean> {
    if (block.length > this.#maxBlockBytes)
      throw new StoreError(
        "limit",
        `the block has ${block.length} bytes, more than maxBlockBytes (${this.#maxBlockBytes}): insert fewer rows at once`,
      );
    using _turn = await this.#inserts.enter();
    const repeatedBefore = await this.#repeatedBlocks();
    await this.#exec(
      this.#client,
      `INSERT INTO ${identifier(table)} FORMAT Native`,
      {
        ...insertSettings,
        insert_deduplication_token: token,
        async_insert: 0,
      },
      Readable.from([block], { objectMode: false }),
    );
    return (await this.#repeatedBlocks()) === repeatedBefore;
  }

  async query<Row>(sql: string, options: QueryOptions = {}): Promise<Row[]> {
    const limits = { ...this.#limits, maxResultRows: 0, ...options.limits };
    const answer = this.#stream(this.#client, sql, "JSONEachRow", limits, options);
    return parseRows<Row>(await whole(answer));
  }

  async *queryReadOnly(
    text: string,
    format: string,
    options: QueryOptions = {},
  ): AsyncGenerator<Uint8Array> {
    const limits = narrowed(this.#limits, options.limits);
    const admitted = await admitReadOnly(async (question) => {
      const answer = this.#stream(this.#reader, question, "TSVRaw", limits, options);
      return (await whole(answer)).toString("utf8").replace(/\n$/, "");
    }, text);
    const output = checkedFormat(format);
    const sql = marked(admitted.sql, options.marker);
    yield* this.#stream(this.#reader, sql, output, limits, options, { readonly: "1" });
  }

  async progressOf(marker: string): Promise<Progress | undefined> {
    return progressOf(this, marker);
  }

  async command(sql: string): Promise<void> {
    await this.#exec(this.#client, sql, statementSettings);
  }

  async close(): Promise<void> {
    await this.#client.close();
    if (this.#reader !== this.#client) await this.#reader.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #connect(
    user: string | undefined,
    password: string | undefined,
    database = this.#database,
  ): ClickHouseClient {
    return createClient({
      url: this.#options.url,
      database,
      ...(user === undefined ? {} : { username: user }),
      ...(password === undefined ? {} : { password }),
      application: "weir",
      max_open_connections: this.#options.maxConnections ?? 8,
      request_timeout: (this.#limits.maxSeconds + 30) * 1000,
      // What goes wrong reaches the caller as an error; nothing is printed beside that.
      log: { level: ClickHouseLogLevel.OFF },
    });
  }

  async *#stream(
    client: ClickHouseClient,
    sql: string,
    format: string,
    limits: QueryLimits,
    options: QueryOptions,
    settings: Record<string, string | number> = {},
  ): AsyncGenerator<Uint8Array> {
    throwIfAborted(options.signal);
    try {
      const { stream } = await client.exec({
        query: sql,
        ...(options.parameters === undefined ? {} : { query_params: options.parameters }),
        ...(options.signal === undefined ? {} : { abort_signal: options.signal }),
        clickhouse_settings: {
          ...statementSettings,
          ...limitSettings(limits),
          cancel_http_readonly_queries_on_client_close: 1,
          // Not a setting but, like them, a parameter of the URL: a FORMAT clause at the end of
          // EXPLAIN AST would be taken for one of the explained statement.
          default_format: format as DataFormat,
          ...settings,
        },
      });
      for await (const chunk of stream) yield chunk as Buffer;
    } catch (cause) {
      throw serverError(cause, options.signal);
    }
  }

  async #exec(
    client: ClickHouseClient,
    query: string,
    settings: Record<string, string | number> = {},
    values?: Readable,
  ): Promise<void> {
    const statement = { query, clickhouse_settings: settings };
    try {
      const { stream } = await (values === undefined
        ? client.exec(statement)
        : client.exec({ ...statement, values }));
      // The statement is through when its answer is.
      for await (const _chunk of stream);
    } catch (cause) {
      throw serverError(cause);
    }
  }

  async #repeatedBlocks(): Promise<number> {
    const [row] = await this.query<{ n: number }>(
      "SELECT sum(value) AS n FROM system.events WHERE event = 'DuplicatedInsertedBlocks'",
    );
    return row?.n ?? 0;
  }
}

/** The client takes the engine's message apart; put together again it reads like the embedded one's. */
function serverError(cause: unknown, signal?: AbortSignal): StoreError {
  if (signal?.aborted === true) return abortedBy(signal);
  const { code, type, message } = cause as { code?: unknown; type?: unknown; message?: unknown };
  if (typeof code !== "string" || !/^\d+$/.test(code)) return asStoreError(cause);
  const text = `Code: ${code}. DB::Exception: ${String(message)} (${String(type)})`;
  return asStoreError(new Error(text, { cause }));
}

async function whole(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}
