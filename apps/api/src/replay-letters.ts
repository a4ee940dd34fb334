import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { type Bus, topics } from "@weir/bus";
import { CodecError, createFlowDecoder } from "@weir/codec";
import {
  type LetterBytesRow,
  type LetterPlace,
  type SameLettersRow,
  type Statement,
  deadLetterQuery,
  placeText,
  sameLettersQuery,
  storedBlockQuery,
} from "@weir/query";
import type { Store } from "@weir/store";
import type { ReplayedLetter } from "./answers.ts";

export interface ReplayDoors {
  bus: Pick<Bus, "send">;
  store: Pick<Store, "query">;
}

/** How often it is looked whether the store has what was sent. */
const pollMs = 250;
/** Around a block's own times its rows may lie, as the enricher looks for them. */
const marginUs = 2 * 3600 * 1e6;

/** Why letters of a topic cannot be put back; undefined: they can. */
export function whyNot(topic: string): string | undefined {
  if (topic === topics.flows.name) return undefined;
  if (topic === topics.events.name)
    return "events carry no numbers: nobody could tell one that is stored from one that is not";
  return "the newest message of its key counts on that topic: an older one might take its place. Whoever sent it sends it again by itself";
}

/** A block of flows that was sent again. */
interface Sent {
  result: ReplayedLetter;
  stored: Statement;
  same: Statement;
  rows: number;
  /** Letters of the same bytes before that. */
  lettersBefore: number;
}

/**
 * Puts blocks of flows back on their topic with the bytes and the key that they had, and waits until the
 * store has them. A block that is stored is not sent; one that is sent twice the enricher knows by
 * its number, and stores once.
 */
export async function replayLetters(
  { bus, store }: ReplayDoors,
  places: readonly LetterPlace[],
  confirmTimeoutMs: number,
  signal: AbortSignal,
): Promise<ReplayedLetter[]> {
  const results: ReplayedLetter[] = [];
  const open: Sent[] = [];
  for (const place of places) {
    const found = await putBack({ bus, store }, place);
    const isOpen = "result" in found;
    if (isOpen) open.push(found);
    results.push(isOpen ? found.result : found);
  }
  const deadline = performance.now() + confirmTimeoutMs;
  let waiting = open;
  while (waiting.length > 0 && performance.now() < deadline) {
    await sleep(pollMs, undefined, { signal });
    const still: Sent[] = [];
    for (const one of waiting) if (!(await isSettled(store, one))) still.push(one);
    waiting = still;
  }
  return results;
}

async function putBack(
  { bus, store }: ReplayDoors,
  place: LetterPlace,
): Promise<Sent | ReplayedLetter> {
  const letter = placeText(place);
  const cannot = (because: string): ReplayedLetter => ({ letter, outcome: "cannot", because });
  const [found] = await ask<LetterBytesRow>(store, deadLetterQuery(place));
  if (found === undefined) return cannot("there is no such letter, or it is dropped by now");
  const refused = whyNot(place.topic);
  if (refused !== undefined) return cannot(refused);
  const value = Buffer.from(found.value, "base64");
  if (value.length === 0) return cannot(`its bytes were not kept: ${found.reason}`);
  const block = blockOf(value);
  if (typeof block === "string") return cannot(`this version cannot read it either: ${block}`);
  const { rows } = block;
  const stored = storedBlockQuery(block);
  const [had] = await ask<{ n: number }>(store, stored);
  const n = had?.n ?? 0;
  if (n >= rows) return { letter, outcome: "already-stored", rows };
  if (n > 0) return { ...cannot(`${n} of its ${rows} flows are stored`), rows };
  const digest = createHash("sha256").update(value).digest("hex").toUpperCase();
  const same = sameLettersQuery({ topic: place.topic, bytes: value.length, digest });
  const [before] = await ask<SameLettersRow>(store, same);
  const key = Buffer.from(found.key, "base64").toString("utf8");
  await bus.send(place.topic, [{ key, value }]);
  const because =
    "it is sent, and not in the store yet: weir status says whether anything is behind";
  const result: ReplayedLetter = { letter, outcome: "sent", rows, because };
  return { result, stored, same, rows, lettersBefore: before?.n ?? 0 };
}

/** Which rows the block makes; a text where it cannot be read. */
function blockOf(
  value: Uint8Array,
):
  | { node: string; bootId: string; block: number; since: number; until: number; rows: number }
  | string {
  try {
    const { node, bootId, block, count, time } = createFlowDecoder().decode(value);
    const times = time.subarray(0, count);
    const [since, until] = [times.reduce(min, Infinity), times.reduce(max, -Infinity)];
    const range =
      count === 0 ? { since: 0, until: 0 } : { since: since - marginUs, until: until + marginUs };
    return { node, bootId, block, ...range, rows: count };
  } catch (error) {
    if (error instanceof CodecError) return error.message;
    throw error;
  }
}

const min = (a: number, b: number): number => Math.min(a, b);
const max = (a: number, b: number): number => Math.max(a, b);

/** Sets the outcome once it is known. */
async function isSettled(store: Pick<Store, "query">, sent: Sent): Promise<boolean> {
  const [found] = await ask<{ n: number }>(store, sent.stored);
  if ((found?.n ?? 0) >= sent.rows) {
    sent.result.outcome = "stored";
    delete sent.result.because;
    return true;
  }
  const [letters] = await ask<SameLettersRow>(store, sent.same);
  if (letters === undefined || letters.n <= sent.lettersBefore) return false;
  sent.result.outcome = "refused-again";
  sent.result.because = letters.latest;
  return true;
}

function ask<Row>(store: Pick<Store, "query">, { sql, parameters }: Statement): Promise<Row[]> {
  return store.query<Row>(sql, { parameters });
}
