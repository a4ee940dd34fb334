import { createFeed, createTable, createView, type Placement } from "../ddl/create.ts";
import { identifier, stringLiteral } from "../sql-text.ts";
import { schema } from "../tables/schema.ts";
import type { TableDefinition } from "../tables/table.ts";

export interface ClusterOptions {
  /** As the servers' configuration names it. */
  cluster: string;
  database: string;
}

/**
 * The schema for a cluster of servers, made from the same definitions: each table is replicated on
 * its shard as NAME_local, and NAME is distributed over the shards by a row's own key, so that a
 * repeated block meets its first copy, and rows that replace or add to each other meet. Roll-ups
 * are made where the rows are; views read the distributed tables.
 */
export function clusterStatements({ cluster, database }: ClusterOptions): string[] {
  const on = `ON CLUSTER ${stringLiteral(cluster)}`;
  const placement: Placement = {
    on,
    suffix: "_local",
    engine: (table) => replicated(table, database),
    deduplicationSetting: "replicated_deduplication_window",
  };
  return [
    ...schema.tables.flatMap((table) => [
      createTable(table, placement),
      `CREATE TABLE IF NOT EXISTS ${table.name} ${on} AS ${identifier(database)}.${table.name}_local
ENGINE = Distributed(${stringLiteral(cluster)}, ${identifier(database)}, ${table.name}_local, ${table.shardBy})`,
    ]),
    ...schema.feeds.map((feed) => createFeed(feed, placement)),
    ...schema.views.map((view) => createView(view, placement)),
  ];
}

function replicated({ name, engine }: TableDefinition, database: string): string {
  const path = stringLiteral(`/clickhouse/tables/{shard}/${database}/${name}_local`);
  const [, kind = "", given] = /^(\w+)(?:\((.*)\))?$/.exec(engine) ?? [];
  const parameters = [path, "'{replica}'", ...(given === undefined ? [] : [given])];
  return `Replicated${kind}(${parameters.join(", ")})`;
}
