import type { Progress, QueryOptions } from "./contract.ts";
import { StoreError } from "./error.ts";
import { stringLiteral } from "./sql-text.ts";

/** The statement with its marker as a comment, which stays when the engine lists what runs. */
export function marked(sql: string, marker: string | undefined): string {
  return marker === undefined ? sql : `/* ${checked(marker)} */ ${sql}`;
}

/** Asks the engine for the statement with that marker. */
export async function progressOf(
  store: { query<Row>(sql: string, options?: QueryOptions): Promise<Row[]> },
  marker: string,
): Promise<Progress | undefined> {
  const [row] = await store.query<Progress>(
    `SELECT elapsed AS seconds, read_rows AS readRows, total_rows_approx AS totalRows, memory_usage AS memoryBytes
FROM system.processes
WHERE position(query, ${stringLiteral(`/* ${checked(marker)} */`)}) > 0 AND query NOT LIKE '%system.processes%'
ORDER BY elapsed DESC LIMIT 1`,
  );
  return row;
}

function checked(marker: string): string {
  if (!/^[A-Za-z0-9-]{1,64}$/.test(marker))
    throw new StoreError("sql", `${JSON.stringify(marker)} is no marker: letters, digits and -`);
  return marker;
}
