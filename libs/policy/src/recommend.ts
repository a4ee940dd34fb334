/**
 * One NetworkPolicy per workload from what was seen, and nothing else: a rule rests on connections
 * that were opened and answered. What was denied, refused or never answered is no evidence at any
 * time, and neither is what a scanner got in by. Pure: the same edges give the same text.
 */
import type { Cluster, ClusterPod } from "./cluster.ts";
import { addressBook } from "./cluster.ts";
import type { Edge } from "./edge.ts";
import { edgesOf, endKey, endText } from "./edge.ts";
import type { LeftOutEdge } from "./evidence.ts";
import { gatherEvidence } from "./evidence.ts";
import type { Side, WrittenPolicy } from "./network-policy.ts";
import type { ObservedEdge } from "./observed-edge.ts";
import type { ScanThresholds } from "./scan.ts";
import { usualScanThresholds } from "./scan.ts";
import { writeSuggestion } from "./suggestion-text.ts";
import type { Selectors, SuggestedRule } from "./suggested-rules.ts";
import { suggestRules } from "./suggested-rules.ts";
import type { WorkloadPods, WorkloadSelector } from "./workload-model.ts";
import { selectorOfWorkload, workloadKeyOf, workloadsOf } from "./workload-model.ts";

export interface RecommendOptions {
  /** The window that `edges` come from, microseconds since 1970. */
  from: number;
  until: number;
  /** Name and version for the annotation: `weir 0.1.0`. */
  generator: string;
  /** Only workloads of this namespace. */
  namespace?: string;
  /** Only this workload. */
  workload?: string;
  scan?: Partial<ScanThresholds>;
}

export interface Recommendation {
  namespace: string;
  workload: string;
  workloadKind: string;
  /** null: nothing was seen that a policy could rest on; `leftOut` says what was seen. */
  policy: WrittenPolicy | null;
  /** The policy as YAML with its evidence; empty where there is none. */
  text: string;
  /** What was not taken as evidence and why, one line each, most connections first. */
  leftOut: string[];
}

/** Ports that one line about what was left out names; a scan tries thousands. */
const maxNamedPorts = 10;

/** The part of the cluster's DNS that a workload needs though its own lookups were not seen. */
function resolverEdges(edges: readonly Edge[]): Edge[] {
  const seen = new Map<string, Edge>();
  for (const edge of edges) {
    if (isDns(edge) && !seen.has(endKey(edge.destination)))
      seen.set(endKey(edge.destination), edge);
  }
  return [...seen.values()];
}

function isDns(edge: Edge): boolean {
  return edge.port === 53 && (edge.protocol === "UDP" || edge.protocol === "TCP");
}

/** Truncated answers are asked for again over TCP: whoever may ask over one may ask over both. */
function withBothTransports(edges: readonly Edge[]): Edge[] {
  return edges.flatMap((edge) => {
    if (!isDns(edge)) return [edge];
    const other = edge.protocol === "UDP" ? "TCP" : "UDP";
    return [edge, { ...edge, protocol: other, connections: 0 }];
  });
}

/** `ingress TCP 22, 5432 from shop/intruder (6 connections): refused by the destination` */
function leftOutLine(key: string, group: LeftOutEdge[]): { line: string; connections: number } {
  const { edge, text } = group[0] as LeftOutEdge;
  const outward = endKey(edge.source) === key;
  const ports = group.map((one) => one.edge.port).sort((a, b) => a - b);
  const named = ports.slice(0, maxNamedPorts).join(", ");
  const more = ports.length > maxNamedPorts ? ` and ${ports.length - maxNamedPorts} more` : "";
  const what = edge.port === 0 ? edge.protocol : `${edge.protocol} ${named}${more}`;
  const other = outward ? `to ${endText(edge.destination)}` : `from ${endText(edge.source)}`;
  const connections = group.reduce((sum, one) => sum + one.edge.connections, 0);
  const count = `${connections} ${connections === 1 ? "connection" : "connections"}`;
  return {
    line: `${outward ? "egress" : "ingress"} ${what} ${other} (${count}): ${text}`,
    connections,
  };
}

class Recommender {
  readonly #options: RecommendOptions;
  readonly #workloads: Map<string, WorkloadPods>;
  readonly #selectors = new Map<string, WorkloadSelector | undefined>();
  readonly #podsByNamespace: Map<string, ClusterPod[]>;
  readonly #taken: { bySource: Map<string, Edge[]>; byDestination: Map<string, Edge[]> };
  /** By each of their two ends. */
  readonly #leftOut = new Map<string, LeftOutEdge[]>();
  readonly #resolvers: Edge[];

  constructor(observed: readonly ObservedEdge[], cluster: Cluster, options: RecommendOptions) {
    this.#options = options;
    this.#podsByNamespace = Map.groupBy(cluster.pods, (pod) => pod.namespace);
    this.#workloads = workloadsOf(cluster);
    const edges = edgesOf(observed, addressBook(cluster));
    const thresholds = { ...usualScanThresholds, ...options.scan };
    const evidence = gatherEvidence(edges, this.#workloads, thresholds);
    this.#taken = {
      bySource: Map.groupBy(evidence.taken, (edge) => endKey(edge.source)),
      byDestination: Map.groupBy(evidence.taken, (edge) => endKey(edge.destination)),
    };
    for (const one of evidence.leftOut) {
      for (const key of new Set([endKey(one.edge.source), endKey(one.edge.destination)])) {
        const known = this.#leftOut.get(key);
        if (known === undefined) this.#leftOut.set(key, [one]);
        else known.push(one);
      }
    }
    this.#resolvers = resolverEdges(evidence.taken);
  }

  #selectorOf: Selectors = (key) => {
    if (this.#selectors.has(key)) return this.#selectors.get(key);
    const workload = this.#workloads.get(key);
    const pods = this.#podsByNamespace.get(workload?.namespace ?? "") ?? [];
    const selector = workload === undefined ? undefined : selectorOfWorkload(workload, pods);
    this.#selectors.set(key, selector);
    return selector;
  };

  /** Workloads that the edges speak of, in order of name. */
  #asked(): WorkloadPods[] {
    const { namespace, workload } = this.#options;
    const { bySource, byDestination } = this.#taken;
    const seen = new Set([...bySource.keys(), ...byDestination.keys(), ...this.#leftOut.keys()]);
    return [...this.#workloads.entries()]
      .filter(([key]) => seen.has(key))
      .map(([, one]) => one)
      .filter((one) => namespace === undefined || one.namespace === namespace)
      .filter((one) => workload === undefined || one.workload === workload)
      .sort((a, b) => (workloadKeyOf(a) < workloadKeyOf(b) ? -1 : 1));
  }

  /** Without what comes from the only node its pods are on: that may come in anyway. */
  #ingressOf(key: string, one: WorkloadPods): Edge[] {
    const nodes = new Set(one.pods.map((pod) => pod.node));
    return (this.#taken.byDestination.get(key) ?? []).filter(
      ({ source }) => source.kind !== "node" || nodes.size > 1 || !nodes.has(source.name),
    );
  }

  /** Egress evidence of a workload, its own lookups or else the resolvers that others use. */
  #egressOf(key: string): { edges: Edge[]; dnsAssumed: boolean } {
    const own = this.#taken.bySource.get(key) ?? [];
    if (own.length === 0 || own.some((edge) => isDns(edge))) {
      return { edges: withBothTransports(own), dnsAssumed: false };
    }
    const assumed = this.#resolvers
      .filter((edge) => endKey(edge.destination) !== key)
      .map((edge) => ({ ...edge, connections: 0, answered: 0 }));
    return { edges: [...own, ...withBothTransports(assumed)], dnsAssumed: assumed.length > 0 };
  }

  #rules(
    edges: readonly Edge[],
    side: Side,
    one: WorkloadPods,
    leftOut: string[],
  ): SuggestedRule[] {
    for (const edge of edges) {
      const other = side === "ingress" ? edge.source : edge.destination;
      if (other.kind !== "workload" || this.#selectorOf(endKey(other)) !== undefined) continue;
      leftOut.push(
        `${side} ${edge.protocol} ${edge.port}: ${endText(other)} has no stable label to select it by`,
      );
    }
    return suggestRules(edges, side, one.namespace, this.#selectorOf);
  }

  /** One line per other end and reason, with all its ports. */
  #leftOutOf(key: string): string[] {
    const mine = this.#leftOut.get(key) ?? [];
    const groups = Map.groupBy(mine, ({ edge, text }) => {
      const outward = endKey(edge.source) === key;
      const other = endKey(outward ? edge.destination : edge.source);
      return JSON.stringify([outward, edge.protocol, other, text]);
    });
    return [...groups.values()]
      .map((group) => leftOutLine(key, group))
      .sort((a, b) => b.connections - a.connections)
      .map(({ line }) => line);
  }

  #recommendOne(one: WorkloadPods): Recommendation {
    const key = workloadKeyOf(one);
    const { namespace, workload, workloadKind } = one;
    const leftOut = this.#leftOutOf(key);
    const nothing = { namespace, workload, workloadKind, policy: null, text: "", leftOut };
    const selector = this.#selectorOf(key);
    const incoming = this.#ingressOf(key, one);
    const outgoing = this.#egressOf(key);
    if (incoming.length + outgoing.edges.length === 0) return nothing;
    if (selector === undefined) {
      leftOut.unshift(
        `everything: ${key} has no label that all its pods keep, so no policy can select it`,
      );
      return nothing;
    }
    const isDnsServer = incoming.some((edge) => isDns(edge));
    const ingress = this.#rules(
      isDnsServer ? withBothTransports(incoming) : incoming,
      "ingress",
      one,
      leftOut,
    );
    const egress = this.#rules(outgoing.edges, "egress", one, leftOut);
    const { policy, text } = writeSuggestion({
      workload: one,
      selector,
      ingress,
      egress,
      evidence: [...new Set([...incoming, ...(this.#taken.bySource.get(key) ?? [])])],
      dnsAssumed: outgoing.dnsAssumed,
      leftOut: this.#leftOut.get(key) ?? [],
      options: this.#options,
    });
    return { namespace, workload, workloadKind, policy, text, leftOut };
  }

  run(): Recommendation[] {
    return this.#asked().map((one) => this.#recommendOne(one));
  }
}

/**
 * Recommendations for every workload that the edges speak of, sorted by namespace and workload.
 * `edges` must be all of the window, whatever is asked for: scanners show in the whole.
 */
export function recommend(
  edges: readonly ObservedEdge[],
  cluster: Cluster,
  options: RecommendOptions,
): Recommendation[] {
  return new Recommender(edges, cluster, options).run();
}
