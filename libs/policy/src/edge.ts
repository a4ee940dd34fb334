/** Observed edges with both views of a connection brought together, and each end named once. */
import { parseAddress } from "./address.ts";
import type { AddressBook } from "./cluster.ts";
import type { ObservedEdge, ObservedEnd } from "./observed-edge.ts";

export type EdgeEnd =
  | { kind: "workload"; namespace: string; workload: string }
  | { kind: "node"; name: string; address: string }
  /** Outside the cluster, or a service's own address. `name` is for people. */
  | { kind: "address"; address: string; name: string };

export interface Edge {
  source: EdgeEnd;
  destination: EdgeEnd;
  port: number;
  protocol: string;
  connections: number;
  answered: number;
  refused: number;
  denied: number;
  guessed: number;
  /** Microseconds since 1970. */
  first: number;
  last: number;
}

/** The same for the same end. */
export function endKey(end: EdgeEnd): string {
  if (end.kind === "workload") return `${end.namespace}/${end.workload}`;
  return end.kind === "node" ? `node ${end.name} ${end.address}` : end.address;
}

/** For people: `shop/cart`, `node n1`, `192.0.2.7 (weather.example)`. */
export function endText(end: EdgeEnd): string {
  if (end.kind === "workload") return `${end.namespace}/${end.workload}`;
  if (end.kind === "node") return `node ${end.name === "" ? end.address : end.name}`;
  return end.name === "" ? end.address : `${end.address} (${end.name})`;
}

export function edgeKey(edge: Edge): string {
  return `${endKey(edge.source)} ${endKey(edge.destination)} ${edge.protocol} ${edge.port}`;
}

/** Undefined: nothing says who or where it is. */
function endOf(end: ObservedEnd, book: AddressBook): EdgeEnd | undefined {
  const address = end.address === "" ? undefined : parseAddress(end.address);
  const node = address === undefined ? undefined : book.nodes.get(address);
  // A host-network pod has its node's address, and policies know it by nothing else.
  if (node !== undefined) return { kind: "node", name: node, address: end.address };
  if (end.kind === "pod" && end.workload !== "") {
    return { kind: "workload", namespace: end.namespace, workload: end.workload };
  }
  if (address === undefined) return undefined;
  if (end.kind === "node") return { kind: "node", name: end.name, address: end.address };
  return { kind: "address", address: end.address, name: end.name };
}

/** Two views of the same connections: the one that saw more of each counts. */
function joinViews(a: Edge, b: Edge): Edge {
  return {
    ...a,
    connections: Math.max(a.connections, b.connections),
    answered: Math.max(a.answered, b.answered),
    refused: Math.max(a.refused, b.refused),
    denied: Math.max(a.denied, b.denied),
    guessed: Math.min(a.guessed, b.guessed),
    first: Math.min(a.first, b.first),
    last: Math.max(a.last, b.last),
  };
}

/** Rows of the same view that name the same ends, such as both addresses of a dual-stack pod. */
function addUp(a: Edge, b: Edge): Edge {
  return {
    ...a,
    connections: a.connections + b.connections,
    answered: a.answered + b.answered,
    refused: a.refused + b.refused,
    denied: a.denied + b.denied,
    guessed: a.guessed + b.guessed,
    first: Math.min(a.first, b.first),
    last: Math.max(a.last, b.last),
  };
}

/**
 * Edges between ends that can be named, sorted. A connection seen at both ends is one: what either
 * end saw is evidence for the rules of both, or one side's policy would stop what the other allows.
 */
export function edgesOf(observed: readonly ObservedEdge[], book: AddressBook): Edge[] {
  const views = { egress: new Map<string, Edge>(), ingress: new Map<string, Edge>() };
  for (const one of observed) {
    const source = endOf(one.source, book);
    const destination = endOf(one.destination, book);
    if (source === undefined || destination === undefined) continue;
    const { port, protocol, connections, answered, refused, denied, guessed, first, last } = one;
    const edge = {
      source,
      destination,
      port,
      protocol,
      connections,
      answered,
      refused,
      denied,
      guessed,
      first,
      last,
    };
    const view = views[one.direction];
    const known = view.get(edgeKey(edge));
    view.set(edgeKey(edge), known === undefined ? edge : addUp(known, edge));
  }
  const joined = new Map(views.egress);
  for (const [key, edge] of views.ingress) {
    const other = joined.get(key);
    joined.set(key, other === undefined ? edge : joinViews(other, edge));
  }
  return [...joined.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, edge]) => edge);
}
