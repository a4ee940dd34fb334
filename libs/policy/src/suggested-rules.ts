/** From evidence to the rules of one side of one workload's policy. */
import { addressBlocks } from "./address-blocks.ts";
import type { Edge, EdgeEnd } from "./edge.ts";
import { endText } from "./edge.ts";
import { namespaceNameLabel } from "./cluster.ts";
import type { Side, WrittenPeer, WrittenPort } from "./network-policy.ts";
import type { PortProtocol } from "./protocol.ts";
import type { WorkloadSelector } from "./workload-model.ts";
import { workloadKeyOf } from "./workload-model.ts";

export interface SuggestedRule {
  peers: WrittenPeer[];
  ports: WrittenPort[];
  /** What it rests on, sorted by peer. */
  edges: Edge[];
  /** How addresses were summarised, if they were. */
  summary: string | undefined;
}

/** Selectors of workloads by `namespace/workload`; undefined where one cannot be selected. */
export type Selectors = (key: string) => WorkloadSelector | undefined;

function comparePorts(a: WrittenPort, b: WrittenPort): number {
  const byProtocol = (a.protocol ?? "") < (b.protocol ?? "") ? -1 : 1;
  return a.protocol === b.protocol ? Number(a.port) - Number(b.port) : byProtocol;
}

/** Numbers that follow each other become a range: exactly the same ports, fewer lines. */
export function portsOf(edges: readonly Edge[]): WrittenPort[] {
  const ports = new Map<string, WrittenPort>();
  for (const { port, protocol } of edges) {
    ports.set(`${protocol}/${port}`, { protocol: protocol as PortProtocol, port });
  }
  const joined: WrittenPort[] = [];
  for (const port of [...ports.values()].sort(comparePorts)) {
    const last = joined.at(-1);
    const end = last?.endPort ?? Number(last?.port);
    if (last !== undefined && last.protocol === port.protocol && end + 1 === port.port)
      last.endPort = end + 1;
    else joined.push(port);
  }
  return joined;
}

/** The end an edge has opposite to the workload whose side this is. */
export function peerOf(edge: Edge, side: Side): EdgeEnd {
  return side === "ingress" ? edge.source : edge.destination;
}

/** One peer per workload; all addresses outside that use the same ports are one group. */
function groupKey(edge: Edge, side: Side): string {
  const end = peerOf(edge, side);
  return end.kind === "workload" ? workloadKeyOf(end) : "";
}

function peersOf(
  edges: readonly Edge[],
  side: Side,
  namespace: string,
  selectors: Selectors,
): { peers: WrittenPeer[]; summary: string | undefined } {
  const end = peerOf(edges[0] as Edge, side);
  if (end.kind !== "workload") {
    const ends = edges.map((edge) => peerOf(edge, side));
    const { blocks, summary } = addressBlocks(
      ends.map((one) => (one.kind === "workload" ? "" : one.address)),
    );
    return { peers: blocks.map((ipBlock) => ({ ipBlock })), summary };
  }
  const selector = selectors(workloadKeyOf(end));
  if (selector === undefined) return { peers: [], summary: undefined };
  const podSelector = { matchLabels: selector.labels };
  const peer: WrittenPeer =
    end.namespace === namespace
      ? { podSelector }
      : {
          namespaceSelector: { matchLabels: { [namespaceNameLabel]: end.namespace } },
          podSelector,
        };
  return { peers: [peer], summary: undefined };
}

/**
 * Rules for one side, each with all peers that use the same ports. Addresses with the same ports are
 * brought together first, so that a summary of blocks does not lend one address another's ports.
 */
export function suggestRules(
  edges: readonly Edge[],
  side: Side,
  namespace: string,
  selectors: Selectors,
): SuggestedRule[] {
  const groups: Edge[][] = [];
  for (const [key, mine] of Map.groupBy(edges, (edge) => groupKey(edge, side))) {
    if (key !== "") groups.push(mine);
    else {
      const byAddress = Map.groupBy(mine, (edge) => endText(peerOf(edge, side)));
      const byPorts = Map.groupBy(byAddress.values(), (one) => JSON.stringify(portsOf(one)));
      groups.push(...[...byPorts.values()].map((one) => one.flat()));
    }
  }
  const rules = new Map<string, SuggestedRule>();
  const sorted = groups
    .map((group) => ({
      group,
      ports: portsOf(group),
      ...peersOf(group, side, namespace, selectors),
    }))
    .filter(({ peers }) => peers.length > 0)
    .sort((a, b) => (JSON.stringify(a.peers) < JSON.stringify(b.peers) ? -1 : 1));
  for (const { group, ports, peers, summary } of sorted) {
    const key = JSON.stringify(ports);
    const known = rules.get(key);
    if (known === undefined) rules.set(key, { peers, ports, edges: [...group], summary });
    else {
      known.peers.push(...peers);
      known.edges.push(...group);
      known.summary ??= summary;
    }
  }
  return [...rules.values()].sort((a, b) =>
    comparePorts(a.ports[0] as WrittenPort, b.ports[0] as WrittenPort),
  );
}
