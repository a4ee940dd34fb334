import { once } from "node:events";
import { chmodSync } from "node:fs";
import { createServer } from "node:net";
import type { Socket } from "node:net";
import { createInterface } from "node:readline";
import type { WorkloadCounts } from "./counts.ts";
import { probe } from "./probe.ts";
import type { ProbeResult, ProbeTarget } from "./probe.ts";

/** Questions to a pod's process, one JSON object per line on its unix socket; no packet is sent. */
export type AgentRequest =
  /** Answered when every port listens. */
  | { op: "ready" }
  /** Every pod listens: the calls may begin. */
  | { op: "begin" }
  | { op: "counts" }
  | { op: "probe"; targets: ProbeTarget[]; timeoutMs: number; parallel: number };

/** One line per question, in order. */
export type AgentAnswer =
  | { op: "ready" | "begin" }
  | { op: "counts"; counts: WorkloadCounts }
  | { op: "probe"; results: ProbeResult[] }
  | { op: "error"; message: string };

export interface AgentDuties {
  counts: WorkloadCounts;
  ready: Promise<void>;
  begin: () => void;
}

/** Targets of one question; the asker splits larger ones. */
export const PROBE_TARGETS_MAX = 10_000;

export async function serveAgent(path: string, duties: AgentDuties): Promise<void> {
  const server = createServer((socket) => void converse(socket, duties));
  server.listen(path);
  await once(server, "listening");
  chmodSync(path, 0o600);
}

async function converse(socket: Socket, duties: AgentDuties): Promise<void> {
  // The asker may go away at any time; that is the end of the conversation and no error.
  socket.on("error", () => {});
  try {
    for await (const line of createInterface({ input: socket })) {
      const answer = await answerTo(JSON.parse(line) as AgentRequest, duties);
      socket.write(`${JSON.stringify(answer)}\n`);
    }
  } catch (error) {
    socket.end(`${JSON.stringify({ op: "error", message: String(error) })}\n`);
  }
}

async function answerTo(request: AgentRequest, duties: AgentDuties): Promise<AgentAnswer> {
  switch (request.op) {
    case "ready":
      await duties.ready;
      return { op: "ready" };
    case "begin":
      duties.begin();
      return { op: "begin" };
    case "counts":
      return { op: "counts", counts: duties.counts };
    case "probe":
      return { op: "probe", results: await probeAll(request) };
    default:
      return { op: "error", message: "no such question" };
  }
}

/** Probes so many at a time; results in the order of the targets. */
async function probeAll(request: AgentRequest & { op: "probe" }): Promise<ProbeResult[]> {
  const targets = request.targets.slice(0, PROBE_TARGETS_MAX);
  const results: ProbeResult[] = [];
  const queue = targets.entries();
  const worker = async () => {
    for (const [index, target] of queue) results[index] = await probe(target, request.timeoutMs);
  };
  await Promise.all(Array.from({ length: Math.max(1, request.parallel) }, worker));
  return results;
}
