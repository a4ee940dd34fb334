import type { EdgeRow } from "@weir/query";
import type { ObservedEdge, ObservedEnd } from "./observed-edge.ts";

function end(
  kind: string,
  namespace: string,
  workload: string,
  name: string,
  address: string,
): ObservedEnd {
  return { kind, namespace, workload, name, address };
}

/** Microseconds since 1970 of an ISO time with up to six decimals. */
function microseconds(text: string): number {
  const fraction = /\.(\d{1,6})/.exec(text)?.[1] ?? "";
  const seconds = Date.parse(text.replace(/\.\d+/, ""));
  return seconds * 1000 + Number(fraction.padEnd(6, "0"));
}

/** Rows of libs/query's edges as `recommend` takes them; rows of unknown direction say nothing. */
export function observedEdges(rows: readonly EdgeRow[]): ObservedEdge[] {
  return rows.flatMap((row) => {
    if (row.direction === "unknown") return [];
    return [
      {
        direction: row.direction,
        source: end(row.src_kind, row.src_namespace, row.src_workload, row.src_name, row.src_ip),
        destination: end(
          row.dst_kind,
          row.dst_namespace,
          row.dst_workload,
          row.dst_name,
          row.dst_ip,
        ),
        port: row.dst_port,
        protocol: row.protocol,
        connections: row.connections,
        answered: row.answered,
        refused: row.refused,
        denied: row.denied,
        guessed: row.guessed,
        bytes: row.bytes,
        replyBytes: row.reply_bytes,
        first: microseconds(row.first),
        last: microseconds(row.last),
      },
    ];
  });
}
