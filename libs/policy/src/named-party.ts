import { parseAddress } from "./address.ts";
import type { Cluster } from "./cluster.ts";
import { podKey } from "./cluster.ts";
import type { Party } from "./traffic.ts";

/**
 * Whom a person names in a question: an address, a pod as `namespace/pod`, or the first pod of
 * `namespace/workload`. Undefined: there is nobody of that name.
 */
export function namedParty(cluster: Cluster, text: string): Party | undefined {
  if (parseAddress(text) !== undefined) return { address: text };
  const pod =
    cluster.pods.find((one) => podKey(one) === text) ??
    cluster.pods.find((one) => `${one.namespace}/${one.workload}` === text);
  return pod === undefined ? undefined : { pod };
}
