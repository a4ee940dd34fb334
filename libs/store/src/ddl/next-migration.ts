import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type EmbeddedStore, openEmbeddedStore } from "../embedded/embedded-store.ts";
import { schemaDirectory } from "../migrate/migrations.ts";
import { schema } from "../tables/schema.ts";
import { actualTables } from "./actual.ts";
import { createStatements } from "./create.ts";
import { differenceStatements } from "./difference.ts";

// npm run migration -- add-what: the next file of schemas/tables, from what the definitions have
// beyond the migrations that there are. Look at it, add what moves rows if rows must move, commit.

async function inEmptyStore<Found>(use: (store: EmbeddedStore) => Promise<Found>): Promise<Found> {
  const directory = await mkdtemp(join(tmpdir(), "weir-migration-"));
  try {
    await using store = await openEmbeddedStore({ directory });
    return await use(store);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

const what = process.argv[2] ?? "";
if (!/^[a-z0-9-]+$/.test(what)) throw new TypeError("say what it does, in words-with-dashes");
const have = await inEmptyStore(async (store) => {
  await store.migrate();
  return actualTables(store);
});
const want = await inEmptyStore(async (store) => {
  for (const statement of createStatements(schema)) await store.command(statement);
  return actualTables(store);
});
const statements = differenceStatements(schema, have, want);
if (statements.length === 0) {
  process.stdout.write("the migrations give what is defined: nothing to do\n");
} else {
  const files = (await readdir(schemaDirectory)).filter((name) => /^\d{4}-.*\.sql$/.test(name));
  const name = `${String(files.length + 1).padStart(4, "0")}-${what}.sql`;
  await writeFile(join(schemaDirectory, name), `${statements.join(";\n\n")};\n`, { flag: "wx" });
  process.stdout.write(`schemas/tables/${name}: ${statements.length} statements\n`);
}
