import type { FlowEnd, FlowLine } from "../flow-line.ts";
import { conditionsOf, type Filter } from "./check.ts";
import { matches, type Row } from "./evaluate.ts";
import { FilterError } from "./filter-error.ts";
import { fields } from "./fields.ts";

/** The filter as a test on flows of the live tail. Throws FilterError for what only the store knows. */
export function liveMatcher(text: string, filter: Filter): (flow: FlowLine) => boolean {
  const unknown = conditionsOf(filter).find(({ field }) => !field.live);
  if (unknown !== undefined) {
    const known = fields.filter((field) => field.live).map((field) => field.name);
    throw new FilterError(
      text,
      unknown.at,
      unknown.length,
      `${unknown.field.name} is known of stored flows only; while they happen there are ${known.join(", ")}`,
    );
  }
  return (flow) => matches(filter, rowOf(flow));
}

/** A printed flow as the row that it will be. */
export function rowOf(flow: FlowLine): Row {
  return {
    time: flow.time,
    node: flow.node,
    direction: flow.direction ?? "unknown",
    protocol: flow.protocol,
    packets: flow.packets,
    bytes: flow.bytes,
    reply_packets: flow.replyPackets,
    reply_bytes: flow.replyBytes,
    verdict: flow.verdict ?? "unknown",
    reason: flow.reason,
    generation: flow.generation,
    process_pid: flow.process?.pid ?? null,
    process_comm: flow.process?.comm ?? "",
    process_executable: flow.process?.executable ?? "",
    process_container: flow.process?.container ?? "",
    dns_name: flow.dnsName ?? "",
    ...endRow("src", flow.source),
    ...endRow("dst", flow.destination),
  };
}

function endRow(end: "src" | "dst", known: FlowEnd): Row {
  return {
    [`${end}_ip`]: known.ip,
    [`${end}_port`]: known.port ?? 0,
    [`${end}_namespace`]: known.namespace ?? "",
    [`${end}_pod`]: known.pod ?? "",
    [`${end}_workload`]: known.workload ?? "",
    [`${end}_name`]: known.name ?? "",
  };
}
