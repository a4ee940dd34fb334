import type { PolicyDocument } from "@weir/codec";
import type { Store } from "@weir/store";
import type { HistoryLine } from "./answers.ts";
import { policyKey } from "./policies.ts";

interface Generation {
  generation: number;
  mode: string;
  began: string;
}

/** A document has another text from this generation on, or is gone. */
interface Version {
  namespace: string;
  name: string;
  generation: number;
  deleted: number;
}

/** Generations of one answer at most. */
export const maxGenerations = 1000;

export interface HistoryPage {
  limit: number;
  /** Only those before this one. */
  before?: number | undefined;
}

/** Generations, the newest first, with what each changed: one more than the limit where there is one. */
export async function history(
  store: Pick<Store, "query">,
  { limit, before = 2 ** 32 - 1 }: HistoryPage,
): Promise<HistoryLine[]> {
  const generations = await store.query<Generation>(
    `SELECT generation, anyLast(mode) AS mode,
  formatDateTime(min(valid_from), '%Y-%m-%dT%H:%i:%S.%fZ', 'UTC') AS began
FROM policy_generations WHERE generation < {before:UInt32}
GROUP BY generation ORDER BY generation DESC LIMIT {count:UInt32}`,
    { parameters: { before, count: limit + 1 } },
  );
  const versions = await store.query<Version>(
    `SELECT namespace, name, generation, anyLast(deleted) AS deleted
FROM policy_versions WHERE generation < {before:UInt32}
GROUP BY namespace, name, generation ORDER BY generation, namespace, name`,
    { parameters: { before } },
  );
  return historyOf(generations.reverse(), versions).reverse();
}

/** Both sorted by generation, the oldest first; versions may go further back. */
export function historyOf(
  generations: readonly Generation[],
  versions: readonly Version[],
): HistoryLine[] {
  const held = new Set<string>();
  let at = 0;
  return generations.map(({ generation, mode, began }, index) => {
    const line: HistoryLine = {
      ...{ generation, time: began, mode, policies: 0 },
      ...{ added: [], changed: [], removed: [] },
    };
    // What lies before the first line changed nothing in it.
    const isListed = (version: Version): boolean => index > 0 || version.generation === generation;
    for (; at < versions.length; at++) {
      const version = versions[at] as Version;
      if (version.generation > generation) break;
      const kind = takeVersion(held, version);
      if (kind !== undefined && isListed(version)) line[kind].push(policyKey(version));
    }
    return { ...line, policies: held.size };
  });
}

function takeVersion(
  held: Set<string>,
  version: Version,
): "added" | "changed" | "removed" | undefined {
  const key = policyKey(version);
  if (version.deleted === 1) return held.delete(key) ? "removed" : undefined;
  if (held.has(key)) return "changed";
  held.add(key);
  return "added";
}

/** A generation as it was. */
export interface PastGeneration {
  mode: string;
  documents: PolicyDocument[];
}

/** Undefined when the history does not have it. Generation 0 had no documents. */
export async function pastGeneration(
  store: Store,
  generation: number,
): Promise<PastGeneration | undefined> {
  if (generation === 0) return { mode: "observe", documents: [] };
  const [known] = await store.query<{ mode: string }>(
    `SELECT anyLast(mode) AS mode FROM policy_generations
WHERE generation = {generation:UInt32} GROUP BY generation`,
    { parameters: { generation } },
  );
  if (known === undefined) return undefined;
  const documents = await store.query<PolicyDocument>(
    `SELECT namespace, name, argMax(text, generation) AS text FROM policy_versions
WHERE generation <= {generation:UInt32}
GROUP BY namespace, name HAVING argMax(deleted, generation) = 0 ORDER BY namespace, name`,
    { parameters: { generation } },
  );
  return { mode: known.mode, documents };
}

/** When the next one began, in microseconds since 1970; undefined where it is the newest. */
export async function endOfGeneration(
  store: Store,
  generation: number,
): Promise<number | undefined> {
  const [row] = await store.query<{ later: number | string; ended: number | string }>(
    `SELECT count() AS later, toUnixTimestamp64Micro(min(valid_from)) AS ended
FROM policy_generations WHERE generation > {generation:UInt32}`,
    { parameters: { generation } },
  );
  return row === undefined || Number(row.later) === 0 ? undefined : Number(row.ended);
}

/** The newest that the history has before that one: not every number is a generation. */
export async function generationBefore(
  store: Store,
  generation: number,
): Promise<PastGeneration | undefined> {
  const [row] = await store.query<{ newest: number }>(
    "SELECT max(generation) AS newest FROM policy_generations WHERE generation < {generation:UInt32}",
    { parameters: { generation } },
  );
  // 0 is what an empty history says as well: nothing is deleted on that ground.
  return row === undefined || row.newest === 0 ? undefined : pastGeneration(store, row.newest);
}
