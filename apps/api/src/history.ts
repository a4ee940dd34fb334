import type { PolicyDocument } from "@weir/codec";
import type { Store } from "@weir/store";
import type { HistoryLine } from "./answers.ts";
import { policyKey } from "./policies.ts";

interface Row {
  generation: number;
  mode: string;
  namespace: string;
  name: string;
  text: string;
  began: string;
}

/** Generations listed at most, the newest. */
const maxGenerations = 1000;

const records = `
SELECT generation, anyLast(mode) AS mode, namespace, name, anyLast(text) AS text,
  formatDateTime(min(valid_from), '%Y-%m-%dT%H:%i:%S.%fZ', 'UTC') AS began
FROM policy_records`;

/** Every generation, the newest first, with what it changed. */
export async function history(store: Store): Promise<HistoryLine[]> {
  const rows = await store.query<Row>(
    `${records}
WHERE generation > (SELECT max(generation) FROM policy_records) - {count:UInt32}
GROUP BY generation, namespace, name ORDER BY generation, namespace, name`,
    { parameters: { count: maxGenerations } },
  );
  return historyOf(rows).reverse();
}

/** The generations of rows that are sorted by generation, the oldest first. */
export function historyOf(rows: Row[]): HistoryLine[] {
  const generations = Map.groupBy(rows, (row) => row.generation);
  let before = new Map<string, string>();
  return [...generations].map(([generation, documents]) => {
    const first = documents[0] as Row;
    const texts = new Map(
      documents.filter((one) => one.name !== "").map((one) => [policyKey(one), one.text]),
    );
    const line: HistoryLine = {
      generation,
      time: documents.map((one) => one.began).sort()[0] ?? first.began,
      mode: first.mode,
      policies: texts.size,
      added: [...texts.keys()].filter((key) => !before.has(key)),
      changed: [...texts]
        .filter(([key, text]) => before.has(key) && before.get(key) !== text)
        .map(([key]) => key),
      removed: [...before.keys()].filter((key) => !texts.has(key)),
    };
    before = texts;
    return line;
  });
}

/** The documents of one generation; undefined when the history does not have it. Generation 0 had none. */
export async function textsOf(
  store: Store,
  generation: number,
): Promise<PolicyDocument[] | undefined> {
  if (generation === 0) return [];
  const rows = await store.query<Row>(
    `${records} WHERE generation = {generation:UInt32} GROUP BY generation, namespace, name`,
    { parameters: { generation } },
  );
  if (rows.length === 0) return undefined;
  return rows
    .filter((row) => row.name !== "")
    .map(({ namespace, name, text }) => ({ namespace, name, text }));
}
