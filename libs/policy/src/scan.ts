import type { Edge } from "./edge.ts";
import { endKey } from "./edge.ts";

export interface ScanThresholds {
  /** Targets (destination and port) that never answered, from which on a source may be a scanner. */
  minFailedTargets: number;
  /** Ports of one destination that never answered: knocking from door to door. */
  minFailedPorts: number;
  /** Up to so many answered connections, a pair that also failed on other ports is no evidence. */
  maxLuckyConnections: number;
}

export const usualScanThresholds: ScanThresholds = {
  minFailedTargets: 3,
  minFailedPorts: 2,
  maxLuckyConnections: 3,
};

interface Tally {
  answered: Edge[];
  /** Nobody answered, and no policy of ours was the cause. */
  failed: Edge[];
  denied: Edge[];
}

function tally(edges: Iterable<Edge>): Tally {
  const result: Tally = { answered: [], failed: [], denied: [] };
  for (const edge of edges) {
    if (edge.answered > 0) result.answered.push(edge);
    else if (edge.denied > 0) result.denied.push(edge);
    // Silence is usual with UDP: logs and metrics are never answered. A refusal is not.
    else if (edge.protocol !== "UDP" || edge.refused > 0) result.failed.push(edge);
  }
  return result;
}

/** The most ports of one destination among these. */
function mostPorts(edges: readonly Edge[]): number {
  const doors = Map.groupBy(edges, (edge) => endKey(edge.destination));
  return Math.max(0, ...[...doors.values()].map((one) => one.length));
}

/**
 * Who looks like a scanner, and why. A source that fails at as many doors as it gets in by is one
 * when the doors are many, or several of one destination. What it got in by is then no evidence:
 * being answered is what a scan is for. Keys are `endKey` of the source.
 */
export function findScanners(
  edges: readonly Edge[],
  thresholds: ScanThresholds,
): Map<string, string> {
  const scanners = new Map<string, string>();
  for (const [source, mine] of Map.groupBy(edges, (edge) => endKey(edge.source))) {
    const { answered, failed, denied } = tally(mine);
    const inVain = [...failed, ...denied];
    // A client that a policy wrongly stops is denied at many doors, but not at many of one house.
    const knocks =
      mostPorts(inVain) >= thresholds.minFailedPorts && inVain.length >= answered.length;
    const many = failed.length >= thresholds.minFailedTargets && failed.length >= answered.length;
    if (!knocks && !many) continue;
    const count = inVain.length + answered.length;
    scanners.set(source, `${inVain.length} of its ${count} targets never answered`);
  }
  return scanners;
}

/**
 * Answered edges of a pair that also failed at other ports, with too few connections to be a habit:
 * a scan that has just begun. The text says why.
 */
export function luckyEdges(edges: readonly Edge[], thresholds: ScanThresholds): Map<Edge, string> {
  const lucky = new Map<Edge, string>();
  const pairs = Map.groupBy(edges, (edge) => `${endKey(edge.source)} ${endKey(edge.destination)}`);
  for (const pair of pairs.values()) {
    const { failed, denied, answered } = tally(pair);
    const inVain = failed.length + denied.length;
    const connections = answered.reduce((sum, edge) => sum + edge.answered, 0);
    if (inVain === 0 || inVain < answered.length) continue;
    if (connections > thresholds.maxLuckyConnections) continue;
    for (const edge of answered) {
      lucky.set(edge, `tried ${inVain} other ${inVain === 1 ? "port" : "ports"} of it in vain`);
    }
  }
  return lucky;
}
