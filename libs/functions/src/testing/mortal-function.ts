/**
 * A process with one function whose sink is a file, for the test against a broker. It kills itself
 * with SIGKILL right after the sink has batch number `fatalBatch`, before the offset is committed.
 *
 *     node mortal-function.ts BROKER TOPIC SINK FATAL_BATCH
 */
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { createKafkaBus } from "@weir/bus";
import { createMetrics, silentLog } from "@weir/runtime";
import { defineFunction } from "../define.ts";
import { startFunction } from "../running.ts";

/** A line of the sink. */
export interface SinkLine {
  token: string;
  replayed: boolean;
  /** True: the sink had the token, and took nothing. */
  known: boolean;
  values: string[];
}

export function readSink(path: string): SinkLine[] {
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, "utf8").split("\n").filter(Boolean);
  return lines.map((line) => JSON.parse(line) as SinkLine);
}

async function main([broker, topic, sink, fatalBatch]: string[]): Promise<void> {
  if (!broker || !topic || !sink) throw new Error("BROKER TOPIC SINK FATAL_BATCH");
  const tokens = new Set(readSink(sink).map((line) => line.token));
  let batches = 0;
  const mortal = defineFunction<null>({
    name: "mortal",
    input: topic,
    outputs: [],
    batch: { maxMessages: 7, maxBytes: 1 << 20, maxWaitMs: 50 },
    retry: { maxAttempts: 3, firstDelayMs: 50, maxDelayMs: 500 },
    start: () => ({
      handle({ token, replayed, messages }) {
        const values = messages.map((message) =>
          new TextDecoder().decode(message.value ?? undefined),
        );
        const line: SinkLine = { token, replayed, known: tokens.has(token), values };
        appendFileSync(sink, `${JSON.stringify(line)}\n`, { flush: true });
        tokens.add(token);
        if (++batches === Number(fatalBatch)) process.kill(process.pid, "SIGKILL");
        return Promise.resolve();
      },
    }),
  });
  const bus = createKafkaBus({ brokers: [broker], sessionTimeoutMs: 6000 });
  const log = silentLog();
  const running = await startFunction(mortal, {
    bus,
    services: null,
    log,
    metrics: createMetrics("x"),
  });
  process.once("SIGTERM", () => {
    void running
      .stop()
      .then(() => bus.close())
      .then(() => process.exit(0));
  });
}

if (process.argv[1] === import.meta.filename) await main(process.argv.slice(2));
