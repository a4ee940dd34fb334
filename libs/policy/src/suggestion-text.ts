import { stringify } from "yaml";
import type { Edge } from "./edge.ts";
import { endText } from "./edge.ts";
import type { LeftOutEdge } from "./evidence.ts";
import type { Side, WrittenPolicy, WrittenSpec } from "./network-policy.ts";
import type { SuggestedRule } from "./suggested-rules.ts";
import { peerOf } from "./suggested-rules.ts";
import type { WorkloadPods, WorkloadSelector } from "./workload-model.ts";

export interface Suggestion {
  workload: WorkloadPods;
  selector: WorkloadSelector;
  ingress: SuggestedRule[];
  egress: SuggestedRule[];
  /** Every edge the policy rests on, once. */
  evidence: Edge[];
  /** The DNS rule rests on what others look up with. */
  dnsAssumed: boolean;
  leftOut: LeftOutEdge[];
  options: { from: number; until: number; generator: string };
}

/** Peers named in one annotation; a reader wants the first few. */
const maxNamedPeers = 8;

function timeText(microseconds: number): string {
  return new Date(Math.floor(microseconds / 1000)).toISOString().replace(/\.\d{3}Z$/, "Z");
}

/** `TCP 7070 from shop/frontend (412), shop/checkout (13)`; the numbers count connections. */
function ruleEvidence(rule: SuggestedRule, side: Side): string {
  const ports = rule.ports
    .map(
      ({ protocol, port, endPort }) =>
        `${protocol} ${port}${endPort === undefined ? "" : `-${endPort}`}`,
    )
    .join(", ");
  const counts = new Map<string, number>();
  for (const edge of rule.edges) {
    const text = endText(peerOf(edge, side));
    counts.set(text, (counts.get(text) ?? 0) + edge.connections);
  }
  const peers = [...counts].map(([text, count]) => (count === 0 ? text : `${text} (${count})`));
  const rest = peers.length - maxNamedPeers;
  const named = rest > 0 ? [...peers.slice(0, maxNamedPeers), `${rest} more`] : peers;
  const summary = rule.summary === undefined ? "" : `; ${rule.summary}`;
  return `${ports} ${side === "ingress" ? "from" : "to"} ${named.join(", ")}${summary}`;
}

function countBy(leftOut: readonly LeftOutEdge[]): string {
  const groups = [...Map.groupBy(leftOut, (one) => one.why)].sort(([a], [b]) => (a < b ? -1 : 1));
  return groups.map(([why, list]) => `${list.length} ${why}`).join(", ");
}

function annotations(suggestion: Suggestion): Record<string, string> {
  const { evidence, ingress, egress, leftOut, options, selector, dnsAssumed } = suggestion;
  const all: Record<string, string> = {
    "weir.dev/generator": options.generator,
    "weir.dev/from": timeText(options.from),
    "weir.dev/until": timeText(options.until),
    "weir.dev/connections": String(evidence.reduce((sum, edge) => sum + edge.connections, 0)),
    "weir.dev/first": timeText(Math.min(...evidence.map((edge) => edge.first))),
    "weir.dev/last": timeText(Math.max(...evidence.map((edge) => edge.last))),
  };
  for (const [index, rule] of ingress.entries())
    all[`weir.dev/ingress-${index}`] = ruleEvidence(rule, "ingress");
  for (const [index, rule] of egress.entries())
    all[`weir.dev/egress-${index}`] = ruleEvidence(rule, "egress");
  if (dnsAssumed) all["weir.dev/dns"] = "not seen of this workload: the resolver that others use";
  if (selector.alsoSelects.length > 0)
    all["weir.dev/also-selects"] = selector.alsoSelects.join(", ");
  if (leftOut.length > 0) all["weir.dev/left-out"] = countBy(leftOut);
  return all;
}

function specOf({ selector, ingress, egress }: Suggestion): WrittenSpec {
  return {
    podSelector: { matchLabels: selector.labels },
    policyTypes: ["Ingress", "Egress"],
    // Empty lists are written: nothing was seen on that side, and nothing is allowed.
    ingress: ingress.map(({ peers, ports }) => ({ from: peers, ports })),
    egress: egress.map(({ peers, ports }) => ({ to: peers, ports })),
  };
}

/** The policy as an object and as YAML for a reviewer: small, in a fixed order, no anchors. */
export function writeSuggestion(suggestion: Suggestion): { policy: WrittenPolicy; text: string } {
  const { workload, namespace } = suggestion.workload;
  const policy: WrittenPolicy = {
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: { name: workload, namespace, annotations: annotations(suggestion) },
    spec: specOf(suggestion),
  };
  return { policy, text: stringify(policy, { lineWidth: 0, aliasDuplicateObjects: false }) };
}
