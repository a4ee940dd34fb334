/** Which edges a rule may rest on, and why the others may not. */
import { parseAddress } from "./address.ts";
import type { Edge, EdgeEnd } from "./edge.ts";
import { endKey, endText } from "./edge.ts";
import { portProtocols } from "./protocol.ts";
import type { PortProtocol } from "./protocol.ts";
import type { ScanThresholds } from "./scan.ts";
import { findScanners, luckyEdges } from "./scan.ts";
import type { WorkloadPods } from "./workload-model.ts";
import { workloadKeyOf } from "./workload-model.ts";

export type WhyLeftOut =
  | "denied"
  | "guessed"
  | "gone"
  | "not-answered"
  | "protocol"
  | "refused"
  | "scan"
  | "special-address";

export interface LeftOutEdge {
  edge: Edge;
  why: WhyLeftOut;
  /** The reason as a clause: `refused by the destination`. */
  text: string;
}

export interface Evidence {
  /** Answered, of a known initiator, and nameable in a policy. */
  taken: Edge[];
  leftOut: LeftOutEdge[];
  /** `endKey` of each source that looks like a scanner, and why. */
  scanners: Map<string, string>;
}

/** Link-local, loopback and multicast: no policy is meant by them, and no router carries them. */
function isSpecial(address: string): boolean {
  const value = parseAddress(address);
  if (value === undefined) return false;
  if (value >> 32n === 0xffffn) {
    const first = Number((value >> 24n) & 0xffn);
    const second = Number((value >> 16n) & 0xffn);
    return first === 127 || first === 0 || first >= 224 || (first === 169 && second === 254);
  }
  const top = Number(value >> 112n);
  return value <= 1n || (top & 0xff00) === 0xff00 || (top & 0xffc0) === 0xfe80;
}

const signalProtocols = new Set(["ICMP", "ICMPv6", "IGMP"]);

/**
 * Neighbour discovery, multicast listeners and the like: no connection of anybody's, it passes
 * whatever the policies say, and there is nothing in it to tell a reader.
 */
function isSignalling(edge: Edge): boolean {
  if (!signalProtocols.has(edge.protocol)) return false;
  return [edge.source, edge.destination].some(
    (end) => end.kind !== "workload" && isSpecial(end.address),
  );
}

function isGone(end: EdgeEnd, workloads: Map<string, WorkloadPods>): boolean {
  return end.kind === "workload" && !workloads.has(workloadKeyOf(end));
}

/** A server's port, as its pods declare it: enough to believe a guess about who began. */
function isDeclared(edge: Edge, workloads: Map<string, WorkloadPods>): boolean {
  if (edge.destination.kind !== "workload") return false;
  const pods = workloads.get(workloadKeyOf(edge.destination))?.pods ?? [];
  return pods.some((pod) =>
    pod.ports.some(({ port, protocol }) => port === edge.port && protocol === edge.protocol),
  );
}

function whyNot(
  edge: Edge,
  workloads: Map<string, WorkloadPods>,
): [WhyLeftOut, string] | undefined {
  if (edge.answered <= 0) {
    if (edge.denied > 0) return ["denied", "denied by the policy in force"];
    return edge.refused > 0
      ? ["refused", "refused by the destination"]
      : ["not-answered", "never answered"];
  }
  if (!portProtocols.includes(edge.protocol as PortProtocol)) {
    return ["protocol", `a NetworkPolicy has no word for ${edge.protocol}`];
  }
  for (const end of [edge.source, edge.destination]) {
    if (isGone(end, workloads))
      return ["gone", `${endText(end)} has no pods now, so its labels are not known`];
    if (end.kind === "address" && isSpecial(end.address))
      return ["special-address", `${end.address} is link-local, loopback or multicast`];
  }
  if (edge.guessed >= edge.connections && edge.connections > 0 && !isDeclared(edge, workloads)) {
    return ["guessed", "began before it was watched, so who opened it is not known"];
  }
  return undefined;
}

export function gatherEvidence(
  edges: readonly Edge[],
  workloads: Map<string, WorkloadPods>,
  thresholds: ScanThresholds,
): Evidence {
  const named = edges.filter((edge) => portProtocols.includes(edge.protocol as PortProtocol));
  const scanners = findScanners(named, thresholds);
  const lucky = luckyEdges(named, thresholds);
  const evidence: Evidence = { taken: [], leftOut: [], scanners };
  for (const edge of edges) {
    if (isSignalling(edge)) continue;
    const scan = scanners.get(endKey(edge.source));
    const luck = lucky.get(edge);
    const other = whyNot(edge, workloads);
    if (other !== undefined) evidence.leftOut.push({ edge, why: other[0], text: other[1] });
    else if (scan !== undefined) {
      evidence.leftOut.push({
        edge,
        why: "scan",
        text: `answered, but ${endText(edge.source)} looks like a scan: ${scan}`,
      });
    } else if (luck !== undefined) {
      evidence.leftOut.push({
        edge,
        why: "scan",
        text: `answered, but ${endText(edge.source)} looks like a scan: it ${luck}`,
      });
    } else evidence.taken.push(edge);
  }
  return evidence;
}
