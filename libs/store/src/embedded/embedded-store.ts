import type { Progress, QueryLimits, QueryOptions, Store } from "../contract.ts";
import { StoreError } from "../error.ts";
import { checkedFormat, isStreamable } from "../formats.ts";
import { insertSettings } from "../insert-settings.ts";
import { parseRows } from "../json-rows.ts";
import { defaultQueryLimits, limitSettings, narrowed, statementSettings } from "../limits.ts";
import { migrate } from "../migrate/migrate.ts";
import { schemaDirectory } from "../migrate/migrations.ts";
import { marked, progressOf } from "../progress.ts";
import { admitReadOnly } from "../read-only/admit.ts";
import type { RetentionChange } from "../retention.ts";
import { identifier, stringLiteral } from "../sql-text.ts";
import { BlockFiles } from "./block-files.ts";
import { Engine, type Statement } from "./engine.ts";
import { defaultEngineLimits, type EngineLimits } from "./engine-config.ts";
import { Turnstile } from "./turnstile.ts";

export interface EmbeddedStoreOptions {
  /** Belongs to the store alone; made when it is not there. One process at a time. */
  directory: string;
  /** Where blocks pass through on their way into the engine. Default: /dev/shm. */
  blockDirectory?: string;
  database?: string;
  schemaDirectory?: string;
  limits?: Partial<QueryLimits>;
  engine?: Partial<EngineLimits>;
  retention?: RetentionChange;
  /**
   * Statements in the engine at once, for trusted and for read-only ones each. Each takes one of
   * libuv's threads, which file access needs too: the default leaves two of UV_THREADPOOL_SIZE.
   */
  maxConcurrentQueries?: number;
  /** Statements that may wait for their turn, of each kind. */
  maxWaitingQueries?: number;
  /** A larger block is refused. */
  maxBlockBytes?: number;
}

/** Opens ClickHouse in this process. Call `migrate` before use. Throws StoreError `locked`. */
export async function openEmbeddedStore(options: EmbeddedStoreOptions): Promise<EmbeddedStore> {
  const engine = await Engine.open(options.directory, options.database ?? "weir", {
    ...defaultEngineLimits,
    ...options.engine,
  });
  return new EmbeddedStore(engine, options);
}

export class EmbeddedStore implements Store {
  readonly kind = "embedded";
  readonly #engine: Engine;
  readonly #blocks: BlockFiles;
  readonly #limits: QueryLimits;
  readonly #options: EmbeddedStoreOptions;
  readonly #maxBlockBytes: number;
  /** One insert at a time: the engine's counter of repeated blocks then tells whose it was. */
  readonly #inserts: Turnstile;
  readonly #queries: Turnstile;
  readonly #readers: Turnstile;

  constructor(engine: Engine, options: EmbeddedStoreOptions) {
    this.#engine = engine;
    this.#options = options;
    this.#limits = { ...defaultQueryLimits, ...options.limits };
    this.#maxBlockBytes = options.maxBlockBytes ?? 256 * 1024 * 1024;
    this.#blocks = new BlockFiles(options.blockDirectory);
    const waiting = options.maxWaitingQueries ?? 64;
    this.#inserts = new Turnstile(1, waiting);
    this.#queries = new Turnstile(options.maxConcurrentQueries ?? defaultConcurrency(), waiting);
    this.#readers = new Turnstile(options.maxConcurrentQueries ?? defaultConcurrency(), waiting);
  }

  async migrate(): Promise<void> {
    await migrate(
      this,
      this.#options.schemaDirectory ?? schemaDirectory,
      this.#options.retention ?? {},
    );
  }

  async insertNative(table: string, block: Uint8Array, token: string): Promise<boolean> {
    const target = `${identifier(this.#engine.database)}.${identifier(table)}`;
    return this.insertBytes(`INSERT INTO ${target}`, "Native", block, {
      insert_deduplication_token: token,
    });
  }

  /** `head` is INSERT INTO with the columns, if any. Resolves false for a repeated token. */
  async insertBytes(
    head: string,
    format: string,
    bytes: Uint8Array,
    settings: Record<string, string | number>,
    database?: string,
  ): Promise<boolean> {
    if (bytes.length > this.#maxBlockBytes)
      throw new StoreError(
        "limit",
        `the block has ${bytes.length} bytes, more than maxBlockBytes (${this.#maxBlockBytes}): insert fewer rows at once`,
      );
    using _turn = await this.#inserts.enter();
    const repeatedBefore = await this.#repeatedBlocks();
    await this.#blocks.with(bytes, (path) =>
      this.#engine.run({
        sql: `${head} FROM INFILE ${stringLiteral(path)} FORMAT ${checkedFormat(format)}`,
        settings: { ...insertSettings, ...oneBlock, ...settings },
        database,
      }),
    );
    return (await this.#repeatedBlocks()) === repeatedBefore;
  }

  async query<Row>(sql: string, options: QueryOptions = {}): Promise<Row[]> {
    using _turn = await this.#queries.enter();
    const limits = { ...this.#limits, maxResultRows: 0, ...options.limits };
    const { bytes } = await this.#engine.run({
      sql,
      format: "JSONEachRow",
      settings: { ...this.#querySettings(), ...limitSettings(limits) },
      parameters: options.parameters,
      signal: options.signal,
    });
    return parseRows<Row>(bytes);
  }

  async *queryReadOnly(
    sql: string,
    format: string,
    options: QueryOptions = {},
  ): AsyncGenerator<Uint8Array> {
    using _turn = await this.#readers.enter();
    const limits = narrowed(this.#limits, options.limits);
    const settings = { ...this.#querySettings(), ...limitSettings(limits) };
    const common = { as: "reader", settings, parameters: options.parameters } as const;
    const admitted = await admitReadOnly(async (question) => {
      const { bytes } = await this.#engine.run({ ...common, sql: question, format: "TSVRaw" });
      return Buffer.from(bytes).toString("utf8").replace(/\n$/, "");
    }, sql);
    // A reader that stops reading must not hold its place for ever.
    const late = new StoreError("limit", `the result was not read within ${limits.maxSeconds} s`);
    const deadline = new AbortController();
    const timer = setTimeout(() => deadline.abort(late), limits.maxSeconds * 1000 + 1000);
    const signals = [deadline.signal, ...(options.signal === undefined ? [] : [options.signal])];
    const statement = {
      ...common,
      sql: marked(admitted.sql, options.marker),
      format: checkedFormat(format),
      signal: AbortSignal.any(signals),
    };
    try {
      if (admitted.isSelect && isStreamable(format)) yield* this.#engine.stream(statement);
      else yield (await this.#engine.run(statement)).bytes;
    } finally {
      clearTimeout(timer);
    }
  }

  async progressOf(marker: string): Promise<Progress | undefined> {
    return progressOf(this, marker);
  }

  async command(sql: string): Promise<void> {
    using _turn = await this.#queries.enter();
    await this.#engine.run({ sql, settings: this.#querySettings() });
  }

  /** One trusted statement as it is, for the HTTP door. */
  async run(statement: Statement): Promise<{ bytes: Uint8Array; rows: number }> {
    using _turn = await this.#queries.enter();
    return await this.#engine.run({
      ...statement,
      settings: { ...this.#querySettings(), ...statement.settings },
    });
  }

  async close(): Promise<void> {
    await this.#engine.close();
    this.#blocks.remove();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #querySettings(): Record<string, string | number> {
    const threads = this.#options.engine?.maxThreadsPerQuery;
    return {
      ...statementSettings,
      max_threads: threads ?? defaultEngineLimits.maxThreadsPerQuery,
    };
  }

  async #repeatedBlocks(): Promise<number> {
    const { bytes } = await this.#engine.run({
      sql: "SELECT sum(value) FROM system.events WHERE event = 'DuplicatedInsertedBlocks'",
      format: "TSV",
    });
    return Number(Buffer.from(bytes).toString("latin1"));
  }
}

/** A block stays one block whatever its size. */
const oneBlock: Record<string, string | number> = {
  max_threads: 1,
  min_insert_block_size_rows: 100_000_000,
  min_insert_block_size_bytes: 0,
  max_insert_block_size: 100_000_000,
};

/** One thread is left for the insert, one for stopping statements; the rest is shared by two kinds. */
function defaultConcurrency(): number {
  const threads = Number(process.env["UV_THREADPOOL_SIZE"] ?? 4);
  return Math.min(4, Math.max(1, Math.floor((threads - 2) / 2)));
}
