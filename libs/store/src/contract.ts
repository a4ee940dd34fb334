/** ClickHouse behind one door: `embedded` (chdb, in this process) or `server` (HTTP). */

export interface QueryLimits {
  maxSeconds: number;
  maxMemoryBytes: number;
  maxResultRows: number;
}

export interface QueryOptions {
  /** Values of {name:Type} parameters. */
  parameters?: Record<string, string | number | boolean | string[] | number[]>;
  limits?: Partial<QueryLimits>;
  /** Stops the query in the engine as well. */
  signal?: AbortSignal;
  /** Letters, digits and -: a name under which `progressOf` finds the statement while it runs. */
  marker?: string;
}

/** How far a statement has come. */
export interface Progress {
  seconds: number;
  readRows: number;
  /** An estimate; 0: not known. */
  totalRows: number;
  memoryBytes: number;
}

export interface Store extends AsyncDisposable {
  readonly kind: "embedded" | "server";
  /** Brings the schema up to date; safe to run by two processes at once. */
  migrate(): Promise<void>;
  /**
   * Inserts one Native block. A second call with the same token adds nothing, also across
   * restarts. Resolves when the engine has it for good.
   * Returns false where the token had been used before.
   */
  insertNative(table: string, block: Uint8Array, token: string): Promise<boolean>;
  /** Rows as objects (JSONEachRow; 64-bit integers as numbers). Trusted SQL: built by libs/query. */
  query<Row>(sql: string, options?: QueryOptions): Promise<Row[]>;
  /** Result in a ClickHouse output format, chunk by chunk. Untrusted SQL: read-only, limits applied. */
  queryReadOnly(sql: string, format: string, options?: QueryOptions): AsyncIterable<Uint8Array>;
  /** Of the running statement with that marker; undefined when there is none. */
  progressOf(marker: string): Promise<Progress | undefined>;
  /** Statement without a result. Trusted SQL. */
  command(sql: string): Promise<void>;
  close(): Promise<void>;
}
