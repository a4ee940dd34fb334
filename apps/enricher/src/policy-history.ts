import { topics } from "@weir/bus";
import type { Bus } from "@weir/bus";
import { PolicyFeed } from "@weir/codec";
import type { Mode, PolicyDelta, PolicyDocument, PolicySet } from "@weir/codec";
import type { PolicyGenerationRow, PolicyVersionRow, Store } from "@weir/store";

/** What of the policy matters for history, at some revision. */
export interface PolicyState {
  revision: number;
  generation: number;
  /** Microseconds since 1970; never goes back. */
  created: number;
  /** Texts by `namespace/name`. */
  documents: Map<string, PolicyDocument>;
}

/** The topic as it is now; undefined where it holds no policy. */
export async function readPolicyState(
  bus: Bus,
): Promise<(PolicyState & { mode: Mode }) | undefined> {
  const feed = new PolicyFeed();
  let state: (PolicyState & { mode: Mode }) | undefined;
  await using reader = await bus.readTable({
    topic: topics.policies.name,
    onRecord(key, value) {
      for (const { set, delta } of feed.read(key, value)) {
        if (set) state = policyStateOf(set);
        if (!delta || !state) continue;
        changeDocuments(state.documents, delta.documents);
        const { revision, generation, created, mode } = delta;
        state = { ...state, revision, generation, created, mode };
      }
    },
  });
  await reader.caughtUp;
  return state;
}

export function policyStateOf(set: PolicySet): PolicyState & { mode: Mode } {
  const { revision, generation, created, mode } = set;
  const documents = new Map(set.documents.map((one) => [keyOf(one), one]));
  return { revision, generation, created, mode, documents };
}

/** What the store knows already; the time is at most that of the newest record. */
export async function storedPolicyState(store: Store): Promise<PolicyState> {
  const documents = await store.query<PolicyDocument & { deleted: number }>(
    `SELECT namespace, name, argMax(text, generation) AS text, argMax(deleted, generation) AS deleted
FROM policy_versions GROUP BY namespace, name HAVING deleted = 0`,
  );
  const [newest] = await store.query<{ revision: number; generation: number; created: string }>(
    `SELECT max(revision) AS revision, max(generation) AS generation,
  toString(toUnixTimestamp64Micro(max(valid_from))) AS created FROM policy_generations`,
  );
  return {
    revision: newest?.revision ?? 0,
    generation: newest?.generation ?? 0,
    created: Number(newest?.created ?? 0),
    documents: new Map(
      documents.map(({ namespace, name, text }) => [
        keyOf({ namespace, name }),
        { namespace, name, text },
      ]),
    ),
  };
}

/** Rows of one batch, and the state that they lead to. */
export class PolicyHistory {
  readonly generations: PolicyGenerationRow[] = [];
  readonly versions: PolicyVersionRow[] = [];
  readonly state: PolicyState;

  constructor(known: PolicyState) {
    this.state = { ...known, documents: new Map(known.documents) };
  }

  /** The delta changes just what is known. */
  follows(delta: PolicyDelta): boolean {
    return delta.base_revision === this.state.revision;
  }

  follow(delta: PolicyDelta): void {
    const { generation, documents } = delta;
    for (const one of documents.deleted) this.#version(generation, { ...one, text: "" }, true);
    for (const one of documents.set) this.#version(generation, one, false);
    changeDocuments(this.state.documents, documents);
    this.#number(delta);
  }

  /** Takes over a whole state: only what differs becomes a row. */
  replace(state: PolicyState & { mode: Mode }): void {
    const { documents } = this.state;
    for (const [key, one] of documents) {
      if (!state.documents.has(key)) this.#version(state.generation, { ...one, text: "" }, true);
    }
    for (const [key, one] of state.documents) {
      if (documents.get(key)?.text !== one.text) this.#version(state.generation, one, false);
    }
    this.state.documents = new Map(state.documents);
    this.#number(state);
  }

  #number(to: Omit<PolicyState, "documents"> & { mode: Mode }): void {
    const { revision, generation, created, mode } = to;
    Object.assign(this.state, { revision, generation, created });
    this.generations.push({ generation, revision, mode, validFrom: created });
  }

  #version(generation: number, { namespace, name, text }: PolicyDocument, deleted: boolean): void {
    this.versions.push({ namespace, name, generation, deleted, text });
  }
}

function changeDocuments(
  documents: Map<string, PolicyDocument>,
  change: PolicyDelta["documents"],
): void {
  for (const one of change.deleted) documents.delete(keyOf(one));
  for (const one of change.set) documents.set(keyOf(one), one);
}

function keyOf({ namespace, name }: { namespace: string; name: string }): string {
  return `${namespace}/${name}`;
}
