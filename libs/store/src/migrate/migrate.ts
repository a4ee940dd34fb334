import type { QueryOptions } from "../contract.ts";
import { StoreError } from "../error.ts";
import { retentionStatements, type RetentionChange } from "../retention.ts";
import { readMigrations, type Migration } from "./migrations.ts";

/** What migrating needs of a store. */
export interface MigrationTarget {
  /** Statements run in the store's database, which exists. */
  command(sql: string): Promise<void>;
  query<Row>(sql: string, options?: QueryOptions): Promise<Row[]>;
}

interface Applied {
  number: number;
  name: string;
  checksum: string;
}

/**
 * Brings the schema up to date. Forward only, idempotent. Two processes may run it at once: every
 * statement says IF NOT EXISTS or its like, and what both of them recorded counts once.
 */
export async function migrate(
  target: MigrationTarget,
  directory: string,
  retention: RetentionChange,
): Promise<void> {
  const migrations = await readMigrations(directory);
  await target.command(migrationsTable);
  const applied = await target.query<Applied>(
    "SELECT number, name, checksum FROM migrations FINAL ORDER BY number",
  );
  check(migrations, applied);
  for (const migration of migrations.slice(applied.length)) await apply(target, migration);
  const tables = await target.query<{ name: string; create_table_query: string }>(
    "SELECT name, create_table_query FROM system.tables WHERE database = currentDatabase()",
  );
  const definitions = new Map(tables.map((table) => [table.name, table.create_table_query]));
  for (const statement of retentionStatements(retention, definitions))
    await target.command(statement);
}

const migrationsTable = `
CREATE TABLE IF NOT EXISTS migrations
(
    number UInt32 COMMENT 'NNNN of schemas/tables/NNNN-*.sql.',
    name String COMMENT 'Name of the file.',
    checksum String COMMENT 'SHA-256 of its statements.',
    applied DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'When it was applied.'
)
ENGINE = ReplacingMergeTree
ORDER BY number
COMMENT 'Migrations that this database has been through.'`;

async function apply(target: MigrationTarget, migration: Migration): Promise<void> {
  for (const [at, statement] of migration.statements.entries()) {
    try {
      await target.command(statement);
    } catch (cause) {
      const text = cause instanceof Error ? cause.message : String(cause);
      throw new StoreError(
        "migration",
        `${migration.name}, statement ${at + 1} of ${migration.statements.length}: ${text}`,
        { cause },
      );
    }
  }
  // FINAL makes one row of it when two processes come here at the same time.
  await target.command(
    `INSERT INTO migrations (number, name, checksum) VALUES (${migration.number}, '${migration.name}', '${migration.checksum}')`,
  );
}

function check(migrations: Migration[], applied: Applied[]): void {
  for (const [at, done] of applied.entries()) {
    const migration = migrations[at];
    if (migration === undefined)
      throw new StoreError(
        "migration",
        `the database has migration ${done.name}, which this weir does not know: it was written by a newer version; start that one`,
      );
    if (migration.number !== done.number || migration.checksum !== done.checksum)
      throw new StoreError(
        "migration",
        `${migration.name} is not what was applied as ${done.name}: a migration is never changed; put it back and add another`,
      );
  }
}
