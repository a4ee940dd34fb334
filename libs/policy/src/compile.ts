import type { Cluster } from "./cluster.ts";
import type { CompiledPolicy } from "./compiled.ts";
import type { Policy } from "./network-policy.ts";
import { PolicyCompiler } from "./policy-compiler.ts";

/**
 * Compiles all policies in force against the cluster as it is. The same input in any order gives the
 * same output, and ids keep their meaning from one compilation to the next.
 */
export function compile(cluster: Cluster, policies: readonly Policy[]): CompiledPolicy {
  const compiler = new PolicyCompiler();
  const namespaces = Object.entries(cluster.namespaces).map(([name, labels]) => ({ name, labels }));
  compiler.apply({
    policies: { set: policies },
    pods: { set: cluster.pods },
    namespaces: { set: namespaces },
  });
  return compiler.compiled;
}
