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
  /** A DNS name, where the address is known by one. */
  readonly dnsName: string;
  /** Names of a host's listeners by `portKey`; undefined for other kinds. */
  readonly listeners: ReadonlyMap<number, string> | undefined;
}

/** The kind that workloads of a lab's names outside the cluster carry. */
export const externalKind = "External";

export function workloadRef(workload: Workload): WorkloadRef {
  const external = workload.workload_kind === externalKind;
  return {
    kind: workload.kind,
    namespace: workload.namespace,
    pod: workload.kind === "pod" ? workload.name : "",
    name: workload.name,
    uid: workload.uid,
    workload: external ? "" : workload.workload,
    workloadKind: workload.workload_kind,
    node: workload.node,
    labels: workload.labels,
    since: workload.since,
    until: workload.until ?? Infinity,
    dnsName: external ? workload.name : "",
    listeners: workload.kind === "host" && !external ? listenersOf(workload) : undefined,
  };
}

/** The workload's name at a port: on a host, the unit or process that listens there. */
export function workloadAt(ref: WorkloadRef, port: number, protocol: number): string {
  return ref.listeners?.get(portKey(port, protocol)) ?? ref.workload;
}

/** Key of a workload on `weir.workloads.v1`: kind/namespace/name/uid. */
export function workloadKey(workload: Workload): string {
  return `${workload.kind}/${workload.namespace}/${workload.name}/${workload.uid}`;
}

function listenersOf(workload: Workload): Map<number, string> | undefined {
  const named = workload.ports.filter((port) => port.name !== "");
  if (named.length === 0) return undefined;
  return new Map(named.map((port) => [portKey(port.port, port.protocol), port.name]));
}

function portKey(port: number, protocol: number): number {
  return protocol * 65_536 + port;
}
