import type { Statement } from "./statement.ts";

/** A workload as it was: a row of `workloadsAtQuery`. */
export interface WorkloadThen {
  kind: "pod" | "service" | "node" | "host";
  namespace: string;
  name: string;
  uid: string;
  workload: string;
  workload_kind: string;
  node: string;
  addresses: string[];
  labels: Record<string, string>;
  namespace_labels: Record<string, string>;
  host_network: boolean;
  port_names: string[];
  port_numbers: number[];
  port_protocols: string[];
  /** RFC 3339. */
  valid_from: string;
}

const held =
  "valid_from <= fromUnixTimestamp64Micro({at:Int64}, 'UTC') AND (valid_until IS NULL OR valid_until > fromUnixTimestamp64Micro({at:Int64}, 'UTC'))";

/** Everybody there was at a time (microseconds since 1970), with the labels of that time. */
export function workloadsAtQuery(at: number): Statement {
  return {
    sql: `SELECT kind, namespace, name, uid, workload, workload_kind, node, addresses, labels, namespace_labels,
    host_network, port_names, port_numbers, port_protocols, valid_from
FROM workload_history
WHERE ${held}
ORDER BY kind, namespace, name, uid`,
    parameters: { at: Math.round(at) },
  };
}

/** The texts in force at a time (`PolicyHistoryRow`). */
export function policiesAtQuery(at: number): Statement {
  return {
    sql: `SELECT generation, revision, mode, namespace, name, text, valid_from, valid_until
FROM policies
WHERE ${held}
ORDER BY namespace, name`,
    parameters: { at: Math.round(at) },
  };
}

/** A moment at which something changed. */
export interface ChangeRow {
  /** Microseconds since 1970. */
  time: number;
}

/** Moments within a range at which anybody came, went or changed, or a text did, the earliest first (`ChangeRow`). */
export function changesQuery(since: number, until: number, limit: number): Statement {
  return {
    sql: `SELECT DISTINCT toUnixTimestamp64Micro(assumeNotNull(arrayJoin([toNullable(valid_from), valid_until]) AS moment)) AS time
FROM
(
    SELECT valid_from, valid_until FROM workload_history
    UNION ALL
    SELECT valid_from, valid_until FROM policies
)
WHERE moment > fromUnixTimestamp64Micro({since:Int64}, 'UTC') AND moment < fromUnixTimestamp64Micro({until:Int64}, 'UTC')
ORDER BY time
LIMIT {limit:UInt32}`,
    parameters: { since: Math.round(since), until: Math.round(until), limit },
  };
}
