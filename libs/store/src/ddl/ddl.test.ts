import { describe, expect, it } from "@jest/globals";
import { openEmbeddedStore } from "../embedded/embedded-store.ts";
import { schema, type SchemaDefinition } from "../tables/schema.ts";
import { column, type TableDefinition, type ViewDefinition } from "../tables/table.ts";
import { temporaryDirectory } from "../testing/temporary.ts";
import { type ActualTable, actualTables } from "./actual.ts";
import { createStatements } from "./create.ts";
import { differenceStatements } from "./difference.ts";

/** What the engine has of its tables after `statements`, or after all migrations. */
async function actual(statements?: string[]): Promise<Map<string, ActualTable>> {
  await using folder = await temporaryDirectory();
  await using store = await openEmbeddedStore({ directory: folder.path });
  if (statements === undefined) await store.migrate();
  else for (const statement of statements) await store.command(statement);
  return await actualTables(store);
}

describe("the migrations", () => {
  it("give what is defined: names, types, codecs, keys, comments, times to live", async () => {
    const defined = await actual(createStatements(schema));
    const migrated = await actual();
    // Beside this `npm run migration -- add-what` writes the next one.
    expect(differenceStatements(schema, migrated, defined)).toEqual([]);
    expect(migrated).toEqual(defined);
    expect(defined.size).toBeGreaterThan(18);
  });
});

describe("a change of a definition", () => {
  const table: TableDefinition = {
    name: "things",
    comment: "Things.",
    columns: [
      column("time", "DateTime('UTC')", "When."),
      column("size", "UInt32", "How large."),
      column("gone", "UInt8", "Of no use."),
    ],
    engine: "MergeTree",
    orderBy: "time",
    deduplicationWindow: 10,
    indexes: [{ name: "size_range", definition: "size TYPE minmax GRANULARITY 1" }],
    shardBy: "time",
  };
  const view: ViewDefinition = {
    name: "sizes",
    comment: "Sizes.",
    columns: [column("size", "UInt32", "How large it is.")],
    select: "SELECT size FROM things",
  };
  const before: SchemaDefinition = { tables: [table], feeds: [], views: [view] };
  const after: SchemaDefinition = {
    ...before,
    tables: [
      {
        ...table,
        comment: "What there is.",
        columns: [
          column("time", "DateTime('UTC')", "When it's made."),
          column("colour", "LowCardinality(String)", "Which colour."),
          column("size", "UInt64", "How large.", "T64, ZSTD(1)"),
        ],
        indexes: [{ name: "colours", definition: "colour TYPE set(8) GRANULARITY 1" }],
        projections: [{ name: "by_size", select: "SELECT size, count() GROUP BY size" }],
        settings: { min_compress_block_size: 8192 },
      },
      { ...table, name: "others" },
    ],
    views: [{ ...view, select: "SELECT size FROM things WHERE size > 0" }],
  };

  it("is the statements that bring a database to it", async () => {
    const [have, want] = [
      await actual(createStatements(before)),
      await actual(createStatements(after)),
    ];
    const statements = differenceStatements(after, have, want);
    expect(statements[0]).toContain("ADD COLUMN IF NOT EXISTS `colour`");
    const brought = await actual([
      ...createStatements(before),
      ...statements,
      // Another process, or one that was killed at the last of them, runs them again.
      ...statements,
    ]);
    expect(brought).toEqual(want);
    expect(differenceStatements(after, brought, want)).toEqual([]);
  });

  it("of a key is refused: no ALTER makes it", async () => {
    const other = { ...before, tables: [{ ...table, orderBy: "(time, size)" }] };
    const [have, want] = [
      await actual(createStatements(before)),
      await actual(createStatements(other)),
    ];
    expect(() => differenceStatements(other, have, want)).toThrow("that needs a new table");
  });
});
