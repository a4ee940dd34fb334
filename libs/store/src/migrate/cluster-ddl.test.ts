import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { type EmbeddedStore, openEmbeddedStore } from "../embedded/embedded-store.ts";
import { stringLiteral } from "../sql-text.ts";
import { temporaryDirectory } from "../testing/temporary.ts";
import { clusterStatements } from "./cluster-ddl.ts";

// Text only: there is no cluster here to run it on. The engine's parser reads every statement.

let folder: Awaited<ReturnType<typeof temporaryDirectory>>;
let store: EmbeddedStore;
let statements: string[];

beforeAll(async () => {
  folder = await temporaryDirectory();
  store = await openEmbeddedStore({ directory: folder.path });
  await store.migrate();
  statements = clusterStatements({ cluster: "main", database: "weir" });
});

afterAll(async () => {
  await store.close();
  await folder[Symbol.asyncDispose]();
});

const creating = (name: string) =>
  statements.findLast((one) => new RegExp(`^CREATE [A-Z ]+ EXISTS ${name} `).test(one)) ?? "";

describe("the schema of a cluster", () => {
  it("parses, and says ON CLUSTER wherever something is defined", async () => {
    for (const statement of statements) {
      const sql = `SELECT formatQuery(${stringLiteral(statement)}) AS text`;
      const [row] = await store.query<{ text: string }>(sql);
      expect(row?.text).not.toBe("");
      expect(statement).toContain("ON CLUSTER 'main'");
    }
    expect(statements.length).toBeGreaterThan(30);
  });

  it("has each table of one server replicated on its shard, and distributed over them", async () => {
    const tables = await store.query<{ name: string; engine: string; key: string }>(
      `SELECT name, engine, sorting_key AS key FROM system.tables
       WHERE database = currentDatabase() AND engine LIKE '%MergeTree' AND name != 'migrations'`,
    );
    expect(tables.length).toBeGreaterThan(9);
    for (const { name, engine } of tables) {
      const local = creating(`${name}_local`);
      const path = `'/clickhouse/tables/{shard}/weir/${name}_local', '{replica}'`;
      expect(local).toContain(`ENGINE = Replicated${engine}(${path}`);
      expect(local).toContain("SETTINGS replicated_deduplication_window");
      expect(creating(name)).toContain(`ENGINE = Distributed('main', \`weir\`, ${name}_local, `);
    }
    expect(creating("workload_records_local")).toContain("'{replica}', recorded)");
  });

  it("has every column, and indexes where the parts are", () => {
    expect(creating("flows_local")).toContain("`dns_name` LowCardinality(String)");
    expect(creating("flows_local")).toContain("INDEX src_addr_bloom");
    expect(creating("flows")).toContain("AS `weir`.flows_local\n");
  });

  it("rolls up where the rows are, and reads views over all shards", () => {
    expect(creating("edges_1m_from_flows")).toMatch(
      /TO edges_1m_local\n[^]*\nFROM flows_local AS flows\n/,
    );
    expect(creating("edges_1d_from_1h")).toMatch(
      /TO edges_1d_local[^]*FROM edges_1h_local AS edges_1h/,
    );
    expect(creating("policies")).toContain("FROM policy_versions");
    expect(creating("connections")).toContain("FROM flows\n");
  });
});
