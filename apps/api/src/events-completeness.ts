import { topics } from "@weir/bus";
import {
  type Completeness,
  type DeadLetterRow,
  deadLettersQuery,
  leftOutEventsQuery,
  maxLetterRows,
} from "@weir/query";
import type { Store } from "@weir/store";

/**
 * What can be said of events: they carry no numbers, so nobody can tell that none is missing; those that
 * were refused, and those that their source could not send and told of, are known. Never throws.
 */
export async function eventsCompleteness(
  store: Pick<Store, "query">,
  { since, until }: { since: number; until?: number | undefined },
  nowMs: number,
): Promise<Completeness> {
  const to = until ?? nowMs * 1000;
  const said = {
    from: new Date(since / 1000).toISOString(),
    to: new Date(to / 1000).toISOString(),
    nodes: [],
  };
  const question = { since, until, topic: topics.events.name, limit: maxLetterRows };
  const { sql, parameters } = deadLettersQuery(question);
  try {
    const letters = await store.query<DeadLetterRow>(sql, { parameters });
    const untold = leftOutEventsQuery({ since, until });
    const [found] = await store.query<{ n: number }>(untold.sql, untold);
    const notSent = found?.n ?? 0;
    const lost = {
      ...(letters.length > 0 ? { dead_letter: letters.length } : {}),
      ...(notSent > 0 ? { not_sent: notSent } : {}),
    };
    if (Object.keys(lost).length > 0) {
      return { ...said, verdict: "incomplete", lost, unexplained: 0 };
    }
    return { ...said, verdict: "unknown", lost: {}, unexplained: 0, because: unnumbered };
  } catch (error) {
    const because = `what is missing could not be read: ${(error as Error).message}`;
    return { ...said, verdict: "unknown", lost: {}, unexplained: 0, because };
  }
}

const unnumbered = "events carry no numbers, so that nobody can say that none is missing";
