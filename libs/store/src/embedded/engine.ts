import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { randomUUID } from "node:crypto";
import { drainPending, Session } from "chdb";
import { abortedBy, asStoreError, StoreError, throwIfAborted } from "../error.ts";
import { identifier, parameterText, stringLiteral } from "../sql-text.ts";
import type { QueryOptions } from "../contract.ts";
import { lockHolder } from "./lock-holder.ts";
import { type EngineLimits, ownerRole, readerRole, writeEngineConfig } from "./engine-config.ts";

export interface Statement {
  sql: string;
  /** Output format; a FORMAT clause in `sql` wins. */
  format?: string;
  settings?: Record<string, string | number>;
  parameters?: QueryOptions["parameters"];
  /** Parameters that are in ClickHouse's escaped text form already. */
  parameterTexts?: Record<string, string>;
  /** reader: read-only, and with the rights of the reader's role. */
  as?: "owner" | "reader";
  /** Default: the engine's. */
  database?: string | undefined;
  signal?: AbortSignal | undefined;
}

export interface Outcome {
  bytes: Uint8Array;
  /** Rows read, or written by an INSERT. */
  rows: number;
  elapsedSeconds: number;
}

/**
 * The engine in this process, bound to one data directory: one engine, one directory, one process.
 *
 * Every statement gets a connection of its own (half a millisecond): the engine takes one
 * statement at a time per connection, and nothing a statement sets outlives it. Statements run on
 * libuv's threads, never on the event loop.
 */
export class Engine {
  readonly directory: string;
  readonly database: string;
  /** Keeps the engine alive between statements. */
  readonly #anchor: Session;
  #closed = false;

  private constructor(directory: string, database: string, anchor: Session) {
    this.directory = directory;
    this.database = database;
    this.#anchor = anchor;
  }

  /**
   * Throws StoreError `locked` naming the process that has the directory. With `backups`, and only
   * then, the owner may back up, into that folder alone.
   */
  static async open(
    directory: string,
    database: string,
    limits: EngineLimits,
    backups?: string,
  ): Promise<Engine> {
    const data = join(resolve(directory), "data");
    if (opened !== undefined)
      throw new StoreError(
        "locked",
        `this process (${process.pid}) has ${opened} open already: the embedded engine takes one data directory per process; close that store first`,
      );
    await mkdir(data, { recursive: true, mode: 0o700 });
    const config = await writeEngineConfig(resolve(directory), database, limits, backups);
    const anchor = await connectFirst(data, config);
    opened = data;
    const engine = new Engine(data, database, anchor);
    try {
      await anchor.queryAsync(`CREATE DATABASE IF NOT EXISTS ${identifier(database)}`);
    } catch (cause) {
      await engine.close();
      throw asStoreError(cause);
    }
    return engine;
  }

  /** Runs one statement, the result in memory. Throws StoreError. */
  async run(statement: Statement): Promise<Outcome> {
    const { sql, stop } = cancellable(statement);
    const session = await this.#connect(statement);
    const cancel = this.#cancelOn(statement.signal, stop);
    try {
      const result = await session.queryAsync(sql, { format: statement.format ?? "Null" });
      return { bytes: result.bytes(), rows: result.rowsRead, elapsedSeconds: result.elapsed };
    } catch (cause) {
      throw cancel.cause() ?? asStoreError(cause);
    } finally {
      cancel[Symbol.dispose]();
      session.close();
    }
  }

  /**
   * Runs one statement, the result as it comes. Only for formats whose chunks can be put together
   * (no header, no frame). Leaving the loop stops the statement in the engine.
   */
  async *stream(statement: Statement & { format: string }): AsyncGenerator<Uint8Array> {
    const { sql, stop } = cancellable(statement);
    const session = await this.#connect(statement);
    const cancel = this.#cancelOn(statement.signal, stop);
    let finished = false;
    try {
      for await (const chunk of session.queryStream(sql, { format: statement.format })) {
        if (cancel.cause() !== undefined) break;
        yield chunk.raw();
      }
      finished = true;
      const cause = cancel.cause();
      if (cause !== undefined) throw cause;
    } catch (cause) {
      finished = true;
      throw cancel.cause() ?? asStoreError(cause);
    } finally {
      cancel[Symbol.dispose]();
      if (!finished) await this.#kill(stop);
      session.close();
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#anchor.close();
    await drainPending();
    if (opened === this.directory) opened = undefined;
  }

  /** A connection with the statement's role, settings and parameters. */
  async #connect(statement: Statement): Promise<Session> {
    if (this.#closed) throw new StoreError("closed", "the store is closed");
    throwIfAborted(statement.signal);
    const session = new Session(this.directory);
    const settings = Object.entries({
      ...statement.settings,
      allow_introspection_functions: 0,
      implicit_select: 0,
    }).map(([name, value]) => `${settingName(name)} = ${literal(value)}`);
    const parameters = Object.entries(parameterTexts(statement)).map(
      ([name, text]) => `SET ${parameterName(name)} = ${stringLiteral(text)}`,
    );
    const reader = statement.as === "reader";
    const prelude = [
      `USE ${identifier(statement.database ?? this.database)}`,
      `SET ROLE ${reader ? readerRole : ownerRole}`,
      `SET ${settings.join(", ")}`,
      ...parameters,
      // Last, because nothing can be set after it.
      ...(reader ? ["SET readonly = 1"] : []),
    ];
    try {
      await session.queryAsync(prelude.join("; "));
      return session;
    } catch (cause) {
      session.close();
      throw asStoreError(cause);
    }
  }

  /** Stops the statement in the engine when `signal` says so. */
  #cancelOn(
    signal: AbortSignal | undefined,
    marker: string,
  ): Disposable & { cause(): StoreError | undefined } {
    let reason: StoreError | undefined;
    const stop = () => {
      reason = abortedBy(signal);
      void this.#kill(marker);
    };
    if (signal?.aborted === true) stop();
    else signal?.addEventListener("abort", stop, { once: true });
    return {
      cause: () => reason,
      [Symbol.dispose]: () => signal?.removeEventListener("abort", stop),
    };
  }

  async #kill(marker: string): Promise<void> {
    if (this.#closed) return;
    const like = stringLiteral(`%${marker}%`);
    const sql = `KILL QUERY WHERE query LIKE ${like} AND query NOT LIKE 'KILL%' ASYNC`;
    // Nothing to stop is fine; and there is nobody to tell.
    await this.run({ sql }).catch(() => undefined);
  }
}

function lockedBy(data: string, pid: number): StoreError {
  return new StoreError(
    "locked",
    `${data} is in use by process ${pid}: one process per data directory. Ask that one (weir sql, or its HTTP API), stop it, or choose another --data`,
  );
}

/** The engine binds a process to one directory, whatever number of connections it has. */
let opened: string | undefined;

function cancellable(statement: Statement): { sql: string; stop: string } {
  const stop = `weir-statement-${randomUUID()}`;
  return { sql: `/* ${stop} */ ${statement.sql}`, stop };
}

function parameterTexts(statement: Statement): Record<string, string> {
  const texts = { ...statement.parameterTexts };
  for (const [name, value] of Object.entries(statement.parameters ?? {}))
    texts[name] = parameterText(value);
  return texts;
}

function settingName(name: string): string {
  if (!/^\w+$/.test(name))
    throw new StoreError("sql", `${JSON.stringify(name)} is no name of a setting`);
  return name;
}

function literal(value: string | number): string {
  return typeof value === "number" ? String(value) : stringLiteral(value);
}

function parameterName(name: string): string {
  if (!/^\w+$/.test(name))
    throw new StoreError(
      "sql",
      `${JSON.stringify(name)} is no name for a parameter: letters, digits and _`,
    );
  return `param_${name}`;
}

async function connectFirst(data: string, config: string): Promise<Session> {
  await drainPending();
  const holder = await lockHolder(data);
  if (holder !== undefined) throw lockedBy(data, holder);
  try {
    return new Session(data, { connectionArgs: [`--config-file=${config}`] });
  } catch (cause) {
    // It may have been taken in this very moment.
    const late = await lockHolder(data);
    throw late === undefined ? asStoreError(cause) : lockedBy(data, late);
  }
}
