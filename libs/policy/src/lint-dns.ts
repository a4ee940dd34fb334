/** Egress isolation that forgot DNS: what it allows by name nobody can look up. */
import type { ClusterPod } from "./cluster.ts";
import type { Subject } from "./lint.ts";
import type { Policy, Rule } from "./network-policy.ts";
import type { PeerFinder } from "./peer-finder.ts";

const dnsPort = 53;

function isDnsServer(pod: ClusterPod): boolean {
  const named = ["kube-dns", "coredns"].includes(pod.labels["k8s-app"] ?? "");
  return named || pod.ports.some((one) => one.port === dnsPort && one.protocol === "UDP");
}

/** A rule that names port 53 was written for DNS, whomever it allows to be asked. */
function namesDns({ ports }: Rule): boolean {
  if (ports === "any") return false;
  return ports.some((match) => {
    if (match.protocol !== "UDP") return false;
    if (match.kind === "named") return true;
    return match.kind === "range" && match.first <= dnsPort && dnsPort <= match.last;
  });
}

/** Every port, to somebody who may be a DNS server: outside the cluster anybody may. */
function reachesDns(rule: Rule, policy: Policy, finder: PeerFinder): boolean {
  const { peers, ports } = rule;
  const every =
    ports === "any" || ports.some((match) => match.kind === "every" && match.protocol === "UDP");
  if (!every) return false;
  if (peers === "any") return true;
  return peers.some(
    (peer) =>
      peer.kind === "block" ||
      finder.podsOf(peer, policy.namespace).some((pod) => isDnsServer(pod)),
  );
}

function allowsDns(policy: Policy, finder: PeerFinder): boolean {
  return (policy.egress ?? []).some((rule) => namesDns(rule) || reachesDns(rule, policy, finder));
}

/** Pods that may call somebody but may look up nobody. */
export function checkDns(subjects: readonly Subject[], finder: PeerFinder): void {
  const served = new Set<ClusterPod>();
  for (const { policy, selected } of subjects) {
    if (policy.egress === null || !allowsDns(policy, finder)) continue;
    for (const pod of selected) served.add(pod);
  }
  for (const { policy, selected, warn } of subjects) {
    if (policy.egress === null || policy.egress.length === 0) continue;
    const mute = selected.find((pod) => !served.has(pod));
    if (mute === undefined) continue;
    const who = `${mute.namespace}/${mute.name}`;
    warn(
      ["spec", "egress"],
      `${who} may call others but ask no DNS server: allow port 53 over UDP and TCP`,
    );
  }
}
