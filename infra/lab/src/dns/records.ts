import { isIPv6 } from "node:net";
import type { LabFile } from "@weir/identity";
import { podsOf } from "../upstreams.ts";

export const CLUSTER_DOMAIN = "cluster.local";

/** Addresses by full lower-case name, without the last dot, and every name that is above one. */
export interface Zone {
  addresses: Map<string, string[]>;
  /** Names that exist without addresses of their own: asking them is no error. */
  empty: Set<string>;
}

export type Answer = { found: "addresses"; addresses: string[] } | { found: "empty" | "nothing" };

/**
 * Names of a lab: `svc.ns.svc.cluster.local` leads to the service's pods, as for a headless service,
 * `pod.svc.ns.svc.cluster.local` to one of them, `1-2-3-4.ns.pod.cluster.local` to a pod by address,
 * and the names outside the cluster to the lab's internet.
 */
export function zoneOf(lab: LabFile): Zone {
  const addresses = new Map<string, string[]>();
  const add = (name: string, more: string[]): void => {
    const key = name.toLowerCase();
    addresses.set(key, [...(addresses.get(key) ?? []), ...more]);
  };
  for (const service of lab.services) {
    const name = `${service.name}.${service.namespace}.svc.${CLUSTER_DOMAIN}`;
    add(name, []);
    for (const pod of podsOf(service, lab.pods)) {
      add(name, pod.addresses);
      add(`${pod.name}.${name}`, pod.addresses);
    }
  }
  for (const pod of lab.pods) {
    for (const address of pod.addresses) {
      add(`${address.replaceAll(/[.:]/g, "-")}.${pod.namespace}.pod.${CLUSTER_DOMAIN}`, [address]);
    }
  }
  for (const external of lab.external) add(external.name, external.addresses);
  return { addresses, empty: new Set([...addresses.keys()].flatMap(namesAbove)) };
}

/** What a name has of one family: A is IPv4, AAAA is IPv6, any other type has nothing. */
export function lookUp(zone: Zone, name: string, type: string): Answer {
  const key = name.toLowerCase().replace(/\.$/, "");
  const all = zone.addresses.get(key);
  if (all === undefined) return { found: zone.empty.has(key) ? "empty" : "nothing" };
  const wanted = all.filter(
    (one) => (type === "AAAA" && isIPv6(one)) || (type === "A" && !isIPv6(one)),
  );
  return wanted.length > 0 ? { found: "addresses", addresses: wanted } : { found: "empty" };
}

function namesAbove(name: string): string[] {
  const labels = name.split(".");
  return labels.slice(1).map((_, index) => labels.slice(index + 1).join("."));
}
