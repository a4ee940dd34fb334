import type { Workload } from "@weir/codec";

/**
 * Who an address is, as rows and policies name it. Made once per workload, shared by all lookups:
 * never changed, compared by identity.
 */
export interface WorkloadRef {
  readonly kind: Workload["kind"];
  /** Empty for nodes and hosts. */
  readonly namespace: string;
  /** Name of the pod; empty for other kinds. */
  readonly pod: string;
  readonly name: string;
  readonly uid: string;
  readonly workload: string;
  readonly workloadKind: string;
  readonly node: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Microseconds since 1970; the address is its own in [since, until). */
  readonly since: number;
  readonly until: number;
  /** As a row names it; the same object for every row. */
  readonly party: Party;
  /** On a host, the parties that listen there, by `portKey`; undefined for other kinds. */
  readonly listeners: ReadonlyMap<number, Party> | undefined;
}

/** Names of one end of a flow. Empty is unknown, or does not apply. */
export interface Party {
  readonly kind: string;
  readonly namespace: string;
  readonly workload: string;
  readonly pod: string;
  /** Of an end that is no pod: node, service, unit or process of a host, DNS name. */
  readonly name: string;
}

export const unknownParty: Party = { kind: "", namespace: "", workload: "", pod: "", name: "" };

/** The kind that workloads of a lab's names outside the cluster carry. */
export const externalKind = "External";

export function workloadRef(workload: Workload): WorkloadRef {
  const external = workload.workload_kind === externalKind;
  const isPod = workload.kind === "pod";
  const party = {
    kind: workload.kind,
    namespace: workload.namespace,
    workload: external ? "" : workload.workload,
    pod: isPod ? workload.name : "",
    name: isPod ? "" : workload.name,
  };
  return {
    kind: workload.kind,
    namespace: workload.namespace,
    pod: party.pod,
    name: workload.name,
    uid: workload.uid,
    workload: party.workload,
    workloadKind: workload.workload_kind,
    node: workload.node,
    labels: workload.labels,
    since: workload.since,
    until: workload.until ?? Infinity,
    party,
    listeners: workload.kind === "host" && !external ? listenersOf(workload, party) : undefined,
  };
}

/** Who is at the port of the address; `unknownParty` for nobody. Allocates nothing. */
export function partyAt(ref: WorkloadRef | undefined, port: number, protocol: number): Party {
  if (ref === undefined) return unknownParty;
  return ref.listeners?.get(portKey(port, protocol)) ?? ref.party;
}

/** Key of a workload on `weir.workloads.v1`: kind/namespace/name/uid. */
export function workloadKey(workload: Workload): string {
  return `${workload.kind}/${workload.namespace}/${workload.name}/${workload.uid}`;
}

function listenersOf(workload: Workload, party: Party): Map<number, Party> | undefined {
  const named = workload.ports.filter((port) => port.name !== "");
  if (named.length === 0) return undefined;
  return new Map(
    named.map(({ name, port, protocol }) => [portKey(port, protocol), { ...party, name }]),
  );
}

function portKey(port: number, protocol: number): number {
  return protocol * 65_536 + port;
}
