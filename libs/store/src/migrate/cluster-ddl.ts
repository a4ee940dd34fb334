import { StoreError } from "../error.ts";
import { identifier, stringLiteral } from "../sql-text.ts";
import { readMigrations, schemaDirectory } from "./migrations.ts";

export interface ClusterOptions {
  /** As the servers' configuration names it. */
  cluster: string;
  database: string;
  schemaDirectory?: string;
}

/**
 * What decides the shard of a row. A repeated block must meet its first copy, and rows that
 * replace or add to each other must meet: so it is made of a row's own key, never by chance.
 */
const shardingKeys: Record<string, string> = {
  flows: "cityHash64(node, block)",
  edges_1m: "cityHash64(src_namespace, src_workload)",
  edges_1h: "cityHash64(src_namespace, src_workload)",
  edges_1d: "cityHash64(src_namespace, src_workload)",
  policy_records: "cityHash64(namespace, name)",
  policy_generations: "generation",
  policy_versions: "cityHash64(namespace, name)",
  workload_records: "cityHash64(kind, namespace, name, uid)",
  workload_versions: "cityHash64(kind, namespace, name, uid)",
  ledger: "cityHash64(node)",
  odometers: "cityHash64(node)",
  events: "cityHash64(node)",
  dead_letters: "cityHash64(topic, partition)",
};

/**
 * The schema for a cluster of servers, made from the one of schemas/tables: each table is
 * replicated on its shard as NAME_local, and NAME is distributed over the shards. Roll-ups are
 * made where the rows are; views read the distributed tables.
 */
export async function clusterStatements(options: ClusterOptions): Promise<string[]> {
  const migrations = await readMigrations(options.schemaDirectory ?? schemaDirectory);
  return migrations.flatMap(({ statements }) =>
    statements.flatMap((statement) => ofCluster(statement, options)),
  );
}

function ofCluster(statement: string, options: ClusterOptions): string[] {
  const on = `ON CLUSTER ${stringLiteral(options.cluster)}`;
  const [head = ""] = /^[A-Z ]+/.exec(statement) ?? [];
  switch (head.trim()) {
    case "CREATE TABLE IF NOT EXISTS":
      return tables(statement, on, options);
    case "CREATE MATERIALIZED VIEW IF NOT EXISTS":
      return [
        statement
          .replace(/^(.* EXISTS \w+) TO (\w+)/, `$1 ${on} TO $2_local`)
          .replace(/\nFROM (\w+)/, "\nFROM $1_local AS $1"),
      ];
    case "CREATE VIEW IF NOT EXISTS":
      return [statement.replace(/^(.* EXISTS \w+)/, `$1 ${on}`)];
    case "DROP VIEW IF EXISTS":
      return [`${statement} ${on}`];
    case "ALTER TABLE": {
      const altered = (suffix: string) =>
        statement.replace(/^ALTER TABLE (\w+)/, `ALTER TABLE $1${suffix} ${on}`);
      // An index is of the parts, which the distributed table has none of.
      return / INDEX /.test(statement) ? [altered("_local")] : [altered("_local"), altered("")];
    }
    case "TRUNCATE TABLE":
      return [statement.replace(/^(TRUNCATE TABLE \w+)/, `$1_local ${on}`)];
    case "INSERT INTO":
      // What a migration takes over goes through the distributed tables.
      return [statement];
    default:
      throw new StoreError(
        "migration",
        `${statement.slice(0, 60)}: nobody has said yet what that is on a cluster`,
      );
  }
}

function tables(statement: string, on: string, options: ClusterOptions): string[] {
  const name = /^CREATE TABLE IF NOT EXISTS (\w+)/.exec(statement)?.[1] ?? "";
  const key = shardingKeys[name];
  if (key === undefined)
    throw new StoreError("migration", `${name}: nobody has said what shards it on a cluster`);
  const path = `/clickhouse/tables/{shard}/${options.database}/${name}_local`;
  const local = statement
    .replace(/^(CREATE TABLE IF NOT EXISTS \w+)(?: AS (\w+))?/, (_all, create: string, like) =>
      [`${create}_local ${on}`, ...(like === undefined ? [] : [`AS ${String(like)}_local`])].join(
        " ",
      ),
    )
    .replace(
      /ENGINE = (\w*MergeTree)(?:\((.*?)\))?/,
      (_all, engine: string, given: string | undefined) =>
        `ENGINE = Replicated${engine}(${[stringLiteral(path), "'{replica}'", ...(given ? [given] : [])].join(", ")})`,
    )
    .replace("non_replicated_deduplication_window", "replicated_deduplication_window");
  const database = identifier(options.database);
  return [
    local,
    `CREATE TABLE IF NOT EXISTS ${name} ${on} AS ${database}.${name}_local
ENGINE = Distributed(${stringLiteral(options.cluster)}, ${database}, ${name}_local, ${key})`,
  ];
}
