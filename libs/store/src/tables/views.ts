import { flows } from "./flows.ts";
import { plainType } from "./plain-type.ts";
import { policyGenerations, policyVersions } from "./policies.ts";
import {
  type Column,
  column,
  columnsOf,
  type FeedDefinition,
  timeType,
  type ViewDefinition,
} from "./table.ts";
import {
  connectionsSelect,
  flowPoliciesSelect,
  policiesSelect,
  workloadHistorySelect,
  workloadsSelect,
} from "./view-selects.ts";
import { workloadRecords } from "./workloads.ts";

/** A column of a table as a view shows it, with what is to be said otherwise there. */
function shown(
  table: { columns: readonly Column[] },
  name: string,
  comment?: string,
  type?: string,
): Column {
  const [found] = columnsOf(table, name);
  return column(name, type ?? plainType(found?.type ?? ""), comment ?? found?.comment ?? "");
}

const texts = "Array(String)";
const until = `Nullable(${timeType})`;

const policies: ViewDefinition = {
  name: "policies",
  comment: "Every policy text with the time in which it was in force. Join flows on generation.",
  columns: [
    shown(
      policyGenerations,
      "generation",
      "Counts up with every change of a text or of the mode; the same number is on each flow that it judged.",
    ),
    shown(policyGenerations, "revision", "Latest revision of the generation."),
    shown(policyGenerations, "mode"),
    shown(policyVersions, "namespace", "Namespace of the policy."),
    shown(policyVersions, "name", "Name of the policy."),
    shown(policyVersions, "text"),
    shown(policyGenerations, "valid_from"),
    column("valid_until", until, "When the next generation was made; null: in force."),
  ],
  select: policiesSelect,
};

const identity = ["kind", "namespace", "name", "uid", "workload", "workload_kind"];

const workloads: ViewDefinition = {
  name: "workloads",
  comment: "Who had which address, from when to when.",
  columns: [
    ...columnsOf(workloadRecords, ...identity, "node"),
    shown(workloadRecords, "addresses", "Its addresses as text.", texts),
    ...columnsOf(workloadRecords, "labels", "namespace_labels", "host_network"),
    column("ports", texts, "Its declared ports: http 80/TCP."),
    ...columnsOf(workloadRecords, "since", "until"),
  ],
  select: workloadsSelect,
};

const workloadHistory: ViewDefinition = {
  name: "workload_history",
  comment:
    "Who had which address and which labels, from when to when: one row per version of a life.",
  columns: [
    ...columnsOf(workloadRecords, ...identity),
    shown(workloadRecords, "node", "Node it ran on."),
    shown(workloadRecords, "addresses", "Its addresses as text.", texts),
    shown(workloadRecords, "labels", "Its labels in that time."),
    shown(workloadRecords, "namespace_labels", "Labels of its namespace in that time."),
    ...columnsOf(workloadRecords, "host_network", "port_names", "port_numbers", "port_protocols"),
    column("valid_from", timeType, "From when all this held."),
    column("valid_until", until, "Until when; null: still."),
  ],
  select: workloadHistorySelect,
};

const flowPolicies: ViewDefinition = {
  name: "flow_policies",
  comment:
    "Flows with the text of each policy that decided them, as it was then. One row for each policy that the reason names.",
  columns: [
    shown(flows, "time"),
    shown(flows, "src_ip", "The initiator."),
    shown(flows, "src_namespace", "Namespace of the initiator."),
    shown(flows, "src_workload", "Workload of the initiator."),
    shown(flows, "src_pod"),
    shown(flows, "dst_ip", "The responder."),
    shown(flows, "dst_port", "Port of the responder."),
    shown(flows, "dst_namespace", "Namespace of the responder."),
    shown(flows, "dst_workload", "Workload of the responder."),
    shown(flows, "dst_pod"),
    shown(flows, "protocol", "TCP, UDP, ICMP ..."),
    shown(flows, "verdict"),
    shown(flows, "reason", "Why: the policy and rule, or the policies that isolate."),
    shown(flows, "generation", "Policy generation that gave the verdict."),
    column(
      "policy_namespace",
      "LowCardinality(String)",
      "Namespace of a policy that the reason names.",
    ),
    column("policy_name", "String", "Name of that policy."),
    column("text", "String", "Its text as it was in that generation."),
    column("valid_from", timeType, "When that generation was made."),
    column("valid_until", until, "When the next one was made; null: in force."),
  ],
  select: flowPoliciesSelect,
};

const connections: ViewDefinition = {
  name: "connections",
  comment:
    "Connections, both observations as one: connections(since = '2026-03-01T00:00:00Z', until = '2026-03-01T01:00:00Z'). seen: both, initiator or responder, where the other observation is missing. served_ip is whom a translated connection came to. Counts are the larger of both observations.",
  select: connectionsSelect,
};

/** In the order in which they can be made. */
export const views: ViewDefinition[] = [
  policies,
  workloads,
  workloadHistory,
  flowPolicies,
  connections,
];

export const workloadFeed: FeedDefinition = {
  name: "workload_versions_from_records",
  from: "workload_records",
  to: "workload_versions",
  select: `SELECT *
FROM workload_records`,
};
