import type { Statement } from "./statement.ts";

export interface PolicyHistoryRow {
  generation: number;
  revision: number;
  mode: string;
  namespace: string;
  name: string;
  text: string;
  /** RFC 3339. */
  valid_from: string;
  /** RFC 3339; null: in force. */
  valid_until: string | null;
}

/** Policies in force at some time since then (microseconds since 1970), with their texts. */
export function policyHistoryQuery(since?: number): Statement {
  const order = "ORDER BY generation, namespace, name";
  const select = `SELECT generation, revision, mode, namespace, name, text, valid_from, valid_until\nFROM policies`;
  if (since === undefined) return { sql: `${select}\n${order}`, parameters: {} };
  return {
    sql: `${select}
WHERE valid_until IS NULL OR valid_until > fromUnixTimestamp64Micro({since:Int64}, 'UTC')
${order}`,
    parameters: { since },
  };
}
