import type { Mode, PolicyDelta, PolicyDocument, PolicySet } from "@weir/codec";
import { applyDelta, tablesOf } from "@weir/policy";
import type { CompiledTables } from "@weir/policy";
import { keyOf } from "./document.ts";

/** What the topic holds, by the keys that deltas name. */
export class PublishedPolicy {
  generation = 0;
  revision = 0;
  mode: Mode = "observe";
  created = 0;
  documents = new Map<string, PolicyDocument>();
  tables: CompiledTables = tablesOf({ identities: [], endpoints: [], entries: [], rules: [] });

  static of(set: PolicySet): PublishedPolicy {
    const policy = new PublishedPolicy();
    policy.#number(set);
    policy.documents = new Map(set.documents.map((one) => [keyOf(one), one]));
    policy.tables = tablesOf(set);
    return policy;
  }

  /** The caller has made sure that it follows on this revision. */
  follow(delta: PolicyDelta): void {
    this.#number(delta);
    for (const one of delta.documents.deleted) this.documents.delete(keyOf(one));
    for (const one of delta.documents.set) this.documents.set(keyOf(one), one);
    applyDelta(this.tables, delta);
  }

  /** Shares the entries, which nobody changes; in no particular order. */
  snapshot(): PolicySet {
    const { generation, revision, mode, created, tables } = this;
    return {
      ...{ generation, revision, mode, created },
      documents: [...this.documents.values()],
      identities: [...tables.identities.values()],
      endpoints: [...tables.endpoints.values()],
      entries: [...tables.entries.values()],
      rules: [...tables.rules.values()],
    };
  }

  #number(to: Pick<PolicySet, "generation" | "revision" | "mode" | "created">): void {
    const { generation, revision, mode, created } = to;
    Object.assign(this, { generation, revision, mode, created });
  }
}
