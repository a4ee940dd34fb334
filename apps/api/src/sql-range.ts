import { type AskedRange, askedRange } from "@weir/query";
import type { Store } from "@weir/store";

/** A statement is taken apart in milliseconds. */
const limits = { maxSeconds: 5 };

/** What the zone of the engine may be called. */
const utc = /^(Etc\/)?(UTC|UCT|GMT|Universal|Zulu)$/;

/**
 * The range of flows that somebody's statement is about; undefined where it reads none, and without
 * bounds where these are not plain. Never throws: what is wrong, the statement's own answer says.
 */
export async function sqlRange(
  store: Pick<Store, "query" | "queryReadOnly">,
  query: string,
  nowMs: number,
  signal: AbortSignal,
): Promise<AskedRange | undefined> {
  const chunks: Uint8Array[] = [];
  try {
    const [found] = await store.query<{ zone: string }>("SELECT timezone() AS zone", { signal });
    // The door that the statement itself goes through: nothing gets past it that way either.
    const explained = store.queryReadOnly(`EXPLAIN AST ${query}`, "TSVRaw", { limits, signal });
    for await (const chunk of explained) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString("utf8");
    return askedRange(query, text, { nowMs, isUtc: utc.test(found?.zone ?? "") });
  } catch {
    return {};
  }
}
