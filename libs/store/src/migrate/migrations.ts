import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { StoreError } from "../error.ts";
import { splitStatements } from "../sql-text.ts";

export interface Migration {
  number: number;
  /** File name. */
  name: string;
  statements: string[];
  checksum: string;
}

/** schemas/tables of this repository. */
export const schemaDirectory = fileURLToPath(
  new URL("../../../../schemas/tables/", import.meta.url),
);

/** Files NNNN-*.sql in order. Throws StoreError when a number is missing or there twice. */
export async function readMigrations(directory: string): Promise<Migration[]> {
  const names = (await readdir(directory)).filter((name) => /^\d{4}-.+\.sql$/.test(name)).sort();
  return Promise.all(
    names.map(async (name, at) => {
      const number = Number(name.slice(0, 4));
      if (number !== at + 1)
        throw new StoreError(
          "migration",
          `${directory}: ${name} stands where number ${at + 1} belongs; migrations count up without gaps`,
        );
      const text = await readFile(`${directory}/${name}`, "utf8");
      const statements = splitStatements(text);
      // Of the statements: a better comment in the file is no other migration.
      const checksum = createHash("sha256").update(statements.join(";\n")).digest("hex");
      return { number, name, statements, checksum };
    }),
  );
}
