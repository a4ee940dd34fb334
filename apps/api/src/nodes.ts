import { type Bus, type TableReader, topics } from "@weir/bus";
import { type NodeReport, nodeReportCodec } from "@weir/codec";
import type { Log } from "@weir/runtime";

/** A node's newest report, and when the API got it (its own clock, not the node's). */
export interface HeardNode {
  report: NodeReport;
  heardMs: number;
}

/** What the nodes say of themselves, followed from the bus. */
export interface Nodes extends AsyncDisposable {
  readonly caughtUp: Promise<void>;
  /** Nodes that reported within `staleMs`, by name. */
  live(): HeardNode[];
  all(): HeardNode[];
  /** Resolves true as soon as `holds`, asked after each report, is true; false after the time. */
  wait(holds: () => boolean, timeoutMs: number): Promise<boolean>;
}

export async function followNodes(bus: Bus, staleMs: number, log: Log): Promise<Nodes> {
  const heard = new Map<string, HeardNode>();
  const waiting = new Set<() => void>();
  const reader: TableReader = await bus.readTable({
    topic: topics.nodes.name,
    onRecord(key, value, message) {
      if (value === null) heard.delete(key);
      else {
        try {
          // A report that lay in the topic before this process started is as old as it says.
          const heardMs = Math.min(Date.now(), message.timestampMs);
          heard.set(key, { report: nodeReportCodec.decode(value), heardMs });
        } catch (error) {
          log.warn({ error, key }, "a node's report cannot be read; it is left out");
        }
      }
      for (const again of waiting) again();
    },
    onError: (error) => log.warn({ error }, "the reports of the nodes are interrupted"),
  });
  const sorted = (nodes: HeardNode[]): HeardNode[] =>
    nodes.sort((a, b) => (a.report.node < b.report.node ? -1 : 1));
  return {
    caughtUp: reader.caughtUp,
    all: () => sorted([...heard.values()]),
    live: () => sorted([...heard.values()].filter((node) => Date.now() - node.heardMs < staleMs)),
    wait: (holds, timeoutMs) => waitUntil(waiting, holds, timeoutMs),
    [Symbol.asyncDispose]: () => reader.close(),
  };
}

/** Waits for a condition that `waiting` is called about; asks it each 250 ms as well. */
export function waitUntil(
  waiting: Set<() => void>,
  holds: () => boolean,
  timeoutMs: number,
): Promise<boolean> {
  if (holds()) return Promise.resolve(true);
  return new Promise((resolve) => {
    const end = (outcome: boolean): void => {
      clearTimeout(timer);
      clearInterval(poll);
      waiting.delete(again);
      resolve(outcome);
    };
    const again = (): void => {
      if (holds()) end(true);
    };
    const timer = setTimeout(() => end(holds()), Math.max(timeoutMs, 0));
    const poll = setInterval(again, 250);
    waiting.add(again);
  });
}
