import type { LiveFlows, Subscription } from "@weir/api";
import { createDisplay } from "./display.ts";

const flushIntervalMs = 500;

/** Prints who talks to whom to stdout until it is stopped. */
export function printFlows(live: LiveFlows, colour: boolean): { stop(): void } {
  const display = createDisplay({
    write: (line) => void process.stdout.write(`${line}\n`),
    colour,
    gatherMs: 1500,
    repeatMs: 10_000,
    maxEdges: 5000,
  });
  let subscription: Subscription | undefined;
  let isStopped = false;
  const follow = async (): Promise<void> => {
    subscription = await live.subscribe(() => true);
    if (isStopped) subscription[Symbol.dispose]();
    for await (const item of subscription) if ("flow" in item) display.add(item.flow);
  };
  follow().catch((error: unknown) => {
    process.stderr.write(`flows are not shown any more: ${String(error)}\n`);
  });
  const timer = setInterval(() => display.flush(Date.now()), flushIntervalMs);
  return {
    stop() {
      isStopped = true;
      clearInterval(timer);
      subscription?.[Symbol.dispose]();
    },
  };
}
