import { topics } from "@weir/bus";
import type { Bus } from "@weir/bus";
import { nodeReportCodec } from "@weir/codec";
import type { NodeReport } from "@weir/codec";
import type { Log } from "@weir/runtime";

export interface NodeReporterOptions {
  bus: Bus;
  log: Log;
  intervalMs: number;
  read(): NodeReport;
  /** The bus has taken one. */
  onReported(): void;
}

/** Says on the bus, at intervals and on demand, how the node is. */
export interface NodeReporter {
  /** Now; joined with one that is under way. Never rejects. */
  report(): Promise<void>;
  stop(): void;
}

export function startNodeReporter(options: NodeReporterOptions): NodeReporter {
  const codec = nodeReportCodec;
  let running: Promise<void> | undefined;
  let again = false;

  const send = async (): Promise<void> => {
    do {
      again = false;
      const report = options.read();
      try {
        const message = { key: report.node, value: codec.encode(report) };
        await options.bus.send(topics.nodes.name, [message]);
        options.onReported();
      } catch (error) {
        options.log.warn({ error }, "the node's report did not get through; the next one follows");
      }
    } while (again);
  };

  const report = (): Promise<void> => {
    // What is under way may have been read before what is to be reported now.
    if (running !== undefined) again = true;
    running ??= send().finally(() => (running = undefined));
    return running;
  };

  const timer = setInterval(() => void report(), options.intervalMs);
  return { report, stop: () => clearInterval(timer) };
}
