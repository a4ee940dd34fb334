import type { FlowLine } from "@weir/api";
import { bothWays, bytesText, endText, endWidths, verdictText, withPort } from "../print/flow.ts";
import { paint } from "../print/format.ts";
import { cellText } from "../print/table.ts";

export interface DisplayOptions {
  write(line: string): void;
  colour: boolean;
  /** Observations of one connection, at its two ends, come within this time. */
  gatherMs: number;
  /** An edge that goes on is told of this often. */
  repeatMs: number;
  /** Edges remembered; beyond, the one told of longest ago is forgotten. */
  maxEdges: number;
}

/** Who talks to whom for the screen: both observations of a connection as one, edges summed up. */
export interface Display {
  add(flow: FlowLine): void;
  /** Prints what has been gathered for long enough. */
  flush(nowMs: number): void;
}

interface Gathered {
  sinceMs: number;
  observations: FlowLine[];
}

interface Edge {
  latest: FlowLine;
  connections: number;
  packets: number;
  bytes: number;
  replyBytes: number;
}

export function createDisplay(options: DisplayOptions): Display {
  const connections = new Map<string, Gathered>();
  const edges = new Map<string, Edge>();
  const toldMs = new Map<string, number>();

  const count = (flow: FlowLine): void => {
    const key = edgeKey(flow);
    const edge = edges.get(key);
    if (edge === undefined) {
      const { bytes, replyBytes } = flow;
      edges.set(key, {
        latest: flow,
        connections: 1,
        packets: flow.packets + flow.replyPackets,
        bytes,
        replyBytes,
      });
      return;
    }
    edge.latest = flow;
    edge.connections++;
    edge.packets += flow.packets + flow.replyPackets;
    edge.bytes += flow.bytes;
    edge.replyBytes += flow.replyBytes;
  };

  return {
    add(flow) {
      const key = connectionKey(flow);
      const gathered = connections.get(key);
      if (gathered === undefined)
        connections.set(key, { sinceMs: Date.now(), observations: [flow] });
      else gathered.observations.push(flow);
    },
    flush(nowMs) {
      for (const [key, { sinceMs, observations }] of connections) {
        if (nowMs - sinceMs < options.gatherMs) continue;
        connections.delete(key);
        const told = oneOf(observations);
        if (told !== undefined) count(told);
      }
      for (const [key, edge] of edges) {
        const last = toldMs.get(key);
        const isDue = last === undefined || nowMs - last >= options.repeatMs;
        if (!isDue && edge.latest.verdict !== "denied") continue;
        edges.delete(key);
        toldMs.delete(key);
        toldMs.set(key, nowMs);
        if (toldMs.size > options.maxEdges) toldMs.delete(toldMs.keys().next().value as string);
        options.write(edgeText(edge, options.colour));
      }
    },
  };
}

function connectionKey({ protocol, source, destination }: FlowLine): string {
  return `${protocol} ${source.ip} ${source.port} ${destination.ip} ${destination.port}`;
}

function edgeKey({ protocol, source, destination, verdict }: FlowLine): string {
  return `${protocol} ${endText(source)} ${endText(destination)} ${destination.port} ${verdict}`;
}

/**
 * The observation that stands for the connection: the one that denied it, else the initiator's,
 * else the responder's when the initiator is nobody that is watched.
 */
function oneOf(observations: FlowLine[]): FlowLine | undefined {
  const chosen =
    observations.find((one) => one.verdict === "denied") ??
    observations.find((one) => one.direction !== "ingress") ??
    observations.find((one) => one.source.pod === undefined);
  if (chosen === undefined) return undefined;
  const same = observations.filter((one) => one.direction === chosen.direction);
  const sum = (of: (one: FlowLine) => number): number =>
    same.reduce((all, one) => all + of(one), 0);
  return {
    ...chosen,
    packets: sum((one) => one.packets),
    bytes: sum((one) => one.bytes),
    replyPackets: sum((one) => one.replyPackets),
    replyBytes: sum((one) => one.replyBytes),
  };
}

const width = { protocol: 5, times: 6, traffic: 21 };

function edgeText(edge: Edge, colour: boolean): string {
  const { time, source, destination, protocol, verdict, reason } = edge.latest;
  const times = edge.connections > 1 ? `×${edge.connections}` : "";
  const parts = [
    paint(time.slice(11, 19), "dim", colour),
    endText(source).padEnd(endWidths.source),
    paint("→", "dim", colour),
    withPort(destination).padEnd(endWidths.destination),
    cellText(protocol).padEnd(width.protocol),
    times.padStart(width.times),
    bothWays(bytesText(edge.bytes), bytesText(edge.replyBytes)).padEnd(width.traffic),
    verdictText(verdict, colour),
  ];
  return verdict === "denied"
    ? `${parts.join(" ")} ${cellText(reason)}`
    : parts.join(" ").trimEnd();
}
