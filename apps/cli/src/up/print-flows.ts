import type { FlowLine, LiveFlows, Subscription } from "@weir/api";
import { createDisplay } from "./display.ts";

const flushIntervalMs = 500;

/** Link-local or multicast: fe80::/10, ff00::/8, 224.0.0.0/4. */
const neighbourhood = /^(fe[89ab][0-9a-f]:|ff[0-9a-f]{2}:|2(2[4-9]|3\d)\.)/;

/**
 * Neighbour discovery and multicast reports: in every table, but no talk of anybody, and each pod
 * begins with some.
 */
export function isSignalling({ protocol, source, destination }: FlowLine): boolean {
  const ends = [source.ip, destination.ip];
  return protocol.startsWith("ICMP") && ends.some((ip) => neighbourhood.test(ip));
}

/** Prints who talks to whom to stdout until it is stopped. */
export function printFlows(live: LiveFlows, colour: boolean): { stop(): void } {
  const display = createDisplay({
    write: (line) => void process.stdout.write(`${line}\n`),
    colour,
    gatherMs: 1500,
    repeatMs: 10_000,
    maxEdges: 5000,
  });
  let subscription: Subscription<FlowLine> | undefined;
  let isStopped = false;
  const follow = async (): Promise<void> => {
    subscription = await live.subscribe(() => true);
    if (isStopped) subscription[Symbol.dispose]();
    for await (const next of subscription)
      if ("item" in next && !isSignalling(next.item)) display.add(next.item);
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
