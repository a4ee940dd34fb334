/** Compiles change by change: what was compiled before, plus the delta, is what `compile` gives. */
import type { Cluster, ClusterPod } from "./cluster.ts";
import { podKey } from "./cluster.ts";
import type { CompiledDelta, CompiledTables } from "./compiled-delta.ts";
import { applyDelta, compiledOf, diffCompiled, tablesOf } from "./compiled-delta.ts";
import { compile } from "./compile.ts";
import type { CompiledPolicy } from "./compiled.ts";
import type { Policy } from "./network-policy.ts";
import { policyKey } from "./network-policy.ts";
import type { Labels } from "./selector.ts";

export interface ClusterNamespace {
  name: string;
  labels: Labels;
}

/** What is new or different, whole, and what is gone. Deletions come first; unknown ones do nothing. */
export interface CompilerChange {
  /** Deleted by `namespace/name`. */
  policies?: { set?: readonly Policy[]; deleted?: readonly string[] };
  /** Deleted by `namespace/name`. */
  pods?: { set?: readonly ClusterPod[]; deleted?: readonly string[] };
  /** Deleted by name; pods may go on to be in it, as in a namespace nobody described. */
  namespaces?: { set?: readonly ClusterNamespace[]; deleted?: readonly string[] };
}

export class PolicyCompiler {
  readonly #policies = new Map<string, Policy>();
  readonly #pods = new Map<string, ClusterPod>();
  readonly #namespaces = new Map<string, Labels>();
  readonly #tables: CompiledTables = tablesOf({
    identities: [],
    endpoints: [],
    entries: [],
    rules: [],
  });

  /** What to add to what was compiled before. Sorts nothing: a delta is a set. */
  apply(change: CompilerChange): CompiledDelta {
    const { policies, pods, namespaces } = change;
    for (const key of policies?.deleted ?? []) this.#policies.delete(key);
    for (const one of policies?.set ?? []) this.#policies.set(policyKey(one), one);
    for (const key of pods?.deleted ?? []) this.#pods.delete(key);
    for (const one of pods?.set ?? []) this.#pods.set(podKey(one), one);
    for (const name of namespaces?.deleted ?? []) this.#namespaces.delete(name);
    for (const one of namespaces?.set ?? []) this.#namespaces.set(one.name, one.labels);
    const after = tablesOf(compile(this.cluster, [...this.#policies.values()]));
    const delta = diffCompiled(this.#tables, after);
    applyDelta(this.#tables, delta);
    return delta;
  }

  /** All of it, in the order of `compile`; its cost is that of everything, so only for snapshots. */
  get compiled(): CompiledPolicy {
    return compiledOf(this.#tables);
  }

  /** What it was told of the cluster; it needs to know no nodes. */
  get cluster(): Cluster {
    return {
      namespaces: Object.fromEntries(this.#namespaces),
      pods: [...this.#pods.values()],
      nodes: [],
    };
  }
}
