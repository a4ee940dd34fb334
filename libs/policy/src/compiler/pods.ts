import { parseAddress } from "../address.ts";
import type { ClusterPod } from "../cluster.ts";
import type { AtomSet } from "./atom-set.ts";
import type { RuleSet } from "./isolation.ts";
import type { Shape } from "./shapes.ts";

/** A pod with a network of its own. */
export interface PodRecord {
  readonly key: string;
  readonly pod: ClusterPod;
  readonly shape: Shape;
  readonly addresses: readonly bigint[];
  /** How it resolves the ports that egress rules name. */
  ports: AtomSet;
  ingress: RuleSet | undefined;
  egress: RuleSet | undefined;
}

export function addressesOf(pod: ClusterPod): bigint[] {
  const all = pod.addresses
    .map((text) => parseAddress(text))
    .filter((address) => address !== undefined);
  return [...new Set(all)];
}

/** Are two descriptions the same to every policy? */
export function samePod(a: ClusterPod, b: ClusterPod): boolean {
  if (a === b) return true;
  const seen = ({ uid = "", labels, addresses, ports, hostNetwork }: ClusterPod): string =>
    JSON.stringify([
      uid,
      Object.entries(labels).sort(([one], [two]) => (one < two ? -1 : 1)),
      addresses,
      ports.map(({ name, port, protocol }) => [name, port, protocol]),
      hostNetwork,
    ]);
  return seen(a) === seen(b);
}
