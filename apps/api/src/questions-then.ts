import { type Workload, parseAddress } from "@weir/codec";
import { workloadCluster } from "@weir/identity";
import { type Cluster, type Policy, readManifests } from "@weir/policy";
import {
  type PolicyHistoryRow,
  type WorkloadThen,
  policiesAtQuery,
  workloadsAtQuery,
} from "@weir/query";
import type { Store } from "@weir/store";

/** The cluster and its policies as the history has them at one time. */
export interface AsItWas {
  cluster: Cluster;
  policies: Policy[];
  texts: PolicyHistoryRow[];
}

/** `at` in microseconds since 1970. */
export async function asItWas(store: Store, at: number, signal: AbortSignal): Promise<AsItWas> {
  const ask = <Row>({ sql, parameters }: ReturnType<typeof policiesAtQuery>) =>
    store.query<Row>(sql, { parameters, signal });
  const cluster = await clusterAt(store, at, signal);
  const texts = await ask<PolicyHistoryRow>(policiesAtQuery(at));
  return {
    cluster,
    policies: texts.flatMap(
      (one) => readManifests(one.text, `${one.namespace}/${one.name}`).policies,
    ),
    texts,
  };
}

/** Everybody there was at that time, with the labels of then. */
export async function clusterAt(store: Store, at: number, signal?: AbortSignal): Promise<Cluster> {
  const { sql, parameters } = workloadsAtQuery(at);
  const asked = { parameters, ...(signal === undefined ? {} : { signal }) };
  const rows = await store.query<WorkloadThen>(sql, asked);
  return workloadCluster(rows.map((row) => workloadOf(row)));
}

const protocolNumbers: Record<string, number> = { TCP: 6, UDP: 17, SCTP: 132 };

function workloadOf(row: WorkloadThen): Workload {
  const { addresses, port_names, port_numbers, port_protocols, valid_from, ...same } = row;
  return {
    ...same,
    addresses: addresses.map((address) => parseAddress(address)),
    ports: port_numbers.map((port, at) => ({
      name: port_names[at] ?? "",
      port,
      protocol: protocolNumbers[port_protocols[at] ?? ""] ?? 0,
    })),
    since: Date.parse(valid_from) * 1000,
    // Whoever is here was there at that time.
    until: null,
  };
}
