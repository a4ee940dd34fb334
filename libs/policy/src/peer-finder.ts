import { parseAddress } from "./address.ts";
import { peerKey } from "./atom.ts";
import type { Cluster, ClusterPod } from "./cluster.ts";
import { namespaceLabels } from "./cluster.ts";
import type { Peer } from "./network-policy.ts";
import { peerMatches } from "./network-policy-tier.ts";
import type { Labels, Requirement, Selector } from "./selector.ts";
import { selects } from "./selector.ts";

/** Whom peers mean among the pods there are now; equal peers are looked for once. */
export class PeerFinder {
  readonly cluster: Cluster;
  readonly #labels: Map<string, Labels>;
  readonly #known = new Map<string, ClusterPod[]>();

  constructor(cluster: Cluster) {
    this.cluster = cluster;
    const names = [...Object.keys(cluster.namespaces), ...cluster.pods.map((pod) => pod.namespace)];
    this.#labels = new Map(names.map((name) => [name, namespaceLabels(cluster, name)]));
  }

  get knowsPods(): boolean {
    return this.cluster.pods.length > 0;
  }

  namespacesOf(selector: Selector): string[] {
    return [...this.#labels]
      .filter(([, labels]) => selects(selector, labels))
      .map(([name]) => name);
  }

  /** Does it want a label whose key no namespace has? */
  isForeign({ key, operator }: Requirement): boolean {
    const wants = operator === "In" || operator === "Exists";
    return wants && ![...this.#labels.values()].some((labels) => Object.hasOwn(labels, key));
  }

  podsOf(peer: Peer, policyNamespace: string): ClusterPod[] {
    const key = JSON.stringify([policyNamespace, peerKey(peer, policyNamespace)]);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const labelsOf = (name: string): Labels => this.#labels.get(name) ?? {};
    const found = this.cluster.pods.filter((pod) => {
      if (pod.hostNetwork) return false;
      const addresses =
        peer.kind === "pods" ? [undefined] : pod.addresses.map((one) => parseAddress(one));
      return addresses.some((address) =>
        peerMatches(peer, policyNamespace, { pod, address, node: undefined }, labelsOf),
      );
    });
    this.#known.set(key, found);
    return found;
  }
}
