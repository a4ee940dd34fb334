import { type Call, type ClientOptions, lines, open } from "../client.ts";
import { completenessOf, noteCompleteness } from "../print/completeness.ts";
import { events } from "../sse.ts";

export interface Followed {
  /** Of the stored ones; the live tail is `follow` below it. */
  path: string;
  /** What is asked for, without times. */
  query: NonNullable<Call["query"]>;
  since?: string | undefined;
  limit?: number | undefined;
  /** In words: flows, events. */
  what: string;
  print: (line: string) => void;
}

/** Time that rows need at most from the live tail to the store. */
const settleMs = 3000;
/** Lines of history remembered, so that the live tail does not print them again. */
const rememberedLines = 10_000;

/** Prints what comes until Ctrl-C or until weir stops; with `since`, what is stored first. */
export async function followTail(followed: Followed, options: ClientOptions): Promise<void> {
  const { path, query, what, print } = followed;
  const stop = new AbortController();
  process.once("SIGINT", () => stop.abort());
  process.once("SIGTERM", () => stop.abort());
  try {
    const call: Call = { path: `${path}/follow`, query, signal: stop.signal };
    const response = await open(call, options);
    const seen = followed.since === undefined ? undefined : await earlier(followed, options);
    for await (const event of events(response)) {
      if (event.name === "missed") {
        process.stderr.write(
          `${event.data} ${what} came faster than they could be printed and are left out here; weir ${what} has them\n`,
        );
      } else if (event.name === "end") {
        process.stderr.write("weir has stopped\n");
        return;
      } else if (!seen?.has(event.data)) print(event.data);
    }
  } catch (error) {
    if (!stop.signal.aborted) throw error;
  }
}

/** Prints what is stored already, and returns it; the live tail is open by then. */
async function earlier(followed: Followed, options: ClientOptions): Promise<Set<string>> {
  await new Promise((resolve) => setTimeout(resolve, settleMs));
  const { path, query, since, limit, print } = followed;
  const response = await open({ path, query: { ...query, since, limit } }, options);
  const seen = new Set<string>();
  for await (const line of lines(response)) {
    print(line);
    seen.add(line);
    if (seen.size > rememberedLines) seen.delete(seen.values().next().value as string);
  }
  if (path === "/v1/flows") noteCompleteness(completenessOf(response));
  return seen;
}
