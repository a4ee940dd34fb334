import type { Command } from "commander";
import { sanitize } from "@weir/runtime";
import { ask } from "../client.ts";
import { type Candidate, placeOf } from "../completion/place.ts";

/** Nobody waits longer for a hint. */
const maxWaitMs = 500;

interface Answer {
  from: number;
  items: Candidate[];
}

/** `weir complete`: what could stand at the end of a command line, a line each. Never fails. */
export async function complete(program: Command, words: string[]): Promise<void> {
  const place = placeOf(program, unquoted(words));
  const items =
    place.kind === "candidates" ? place.items : place.kind === "asked" ? await known(place) : [];
  for (const { text, doc } of items)
    process.stdout.write(`${sanitize(text, true)}\t${sanitize(doc, true)}\n`);
}

/** The shell hands over the word as it stands there: with the quote that is still open. */
function unquoted(words: string[]): string[] {
  return words.map((word) => word.replace(/^(['"])(.*?)\1?$/s, "$2"));
}

/** Fields, words and names of filters, from the weir that runs. */
async function known(place: {
  option: string;
  value: string;
  prefix: string;
}): Promise<Candidate[]> {
  // Of a list only the last one is being written.
  const start = place.option === "--by" ? place.value.lastIndexOf(",") + 1 : 0;
  const filter = place.value.slice(start);
  const path = "/v1/complete";
  const signal = AbortSignal.timeout(maxWaitMs);
  const answer = await ask<Answer>({ path, query: { filter }, signal }, {}).catch(() => undefined);
  if (answer === undefined) return [];
  const before = place.prefix + place.value.slice(0, start + answer.from);
  const isField = (text: string): boolean =>
    place.option !== "--by" || /^[a-z]\w*[.\w]*$/.test(text);
  return answer.items
    .filter(({ text }) => isField(text) && text !== "not")
    .map(({ text, doc }) => ({ text: before + text, doc }));
}
