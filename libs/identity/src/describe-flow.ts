import { flowSymbols, formatAddress, protocolName } from "@weir/codec";
import type { FlowColumns } from "@weir/codec";
import type { FlowEnd, FlowLine } from "@weir/query";
import type { IdentityIndex } from "./identity-index.ts";
import type { ReasonTexts } from "./reason-text.ts";
import { partyAt } from "./workload-ref.ts";

/**
 * Row `row` of a decoded block with the names its addresses had then, for a live tail. Copies what
 * it needs: the columns may be decoded into again.
 */
export function describeFlow(
  columns: FlowColumns,
  row: number,
  index: IdentityIndex,
  reasons: ReasonTexts,
): FlowLine {
  const protocol = columns.protocol[row] as number;
  const generation = columns.generation[row] as number;
  const direction = flowSymbols.direction[columns.direction[row] as number];
  const verdict = flowSymbols.verdict[columns.verdict[row] as number];
  const end = (addresses: Uint8Array, ports: Uint16Array): FlowEnd =>
    describeEnd(index, addresses, row, ports[row] as number, protocol, columns.last[row] as number);
  return {
    time: new Date((columns.time[row] as number) / 1000).toISOString(),
    node: columns.node,
    ...(direction === undefined || direction === "unknown" ? {} : { direction }),
    source: end(columns.srcAddr, columns.srcPort),
    destination: end(columns.dstAddr, columns.dstPort),
    protocol: protocolName(protocol),
    packets: columns.packets[row] as number,
    bytes: columns.bytes[row] as number,
    replyPackets: columns.replyPackets[row] as number,
    replyBytes: columns.replyBytes[row] as number,
    ...(verdict === undefined || verdict === "unknown" ? {} : { verdict }),
    reason: reasons.text(columns.reason[row] as number, generation, columns.rule[row] as number),
    generation,
  };
}

function describeEnd(
  index: IdentityIndex,
  addresses: Uint8Array,
  row: number,
  port: number,
  protocol: number,
  timeUs: number,
): FlowEnd {
  const end: FlowEnd = { ip: formatAddress(addresses, row * 16) };
  if (protocol !== 1 && protocol !== 58) end.port = port;
  const party = partyAt(index.find(addresses, row * 16, timeUs), port, protocol);
  if (party.namespace !== "") end.namespace = party.namespace;
  if (party.pod !== "") end.pod = party.pod;
  if (party.workload !== "") end.workload = party.workload;
  if (party.name !== "") end.name = party.name;
  return end;
}
