import type { OutgoingMessage } from "@weir/bus";
import { suggestionCodec } from "@weir/codec";
import { readManifests } from "@weir/policy";
import type { Recommendation } from "@weir/policy";

interface Published {
  fingerprint: string;
  atMs: number;
}

/** What a suggestion says, without the counts that every minute changes. */
function fingerprint(text: string, leftOut: readonly string[]): string {
  const policy = text === "" ? null : readManifests(text, "suggestion").policies[0]?.written.spec;
  const reasons = leftOut.map((line) =>
    line.replace(/ \(\d+ connections?\)/, "").replace(/\d+ of its \d+/, ""),
  );
  return JSON.stringify([policy, reasons.sort()]);
}

/** What has been published, so that only what changed is published again. */
export class SuggestionBook {
  readonly #published = new Map<string, Published>();
  readonly #refreshMs: number;
  readonly #maxLeftOut: number;

  constructor(options: { refreshMs: number; maxLeftOut: number }) {
    this.#refreshMs = options.refreshMs;
    this.#maxLeftOut = options.maxLeftOut;
  }

  /** A record of the topic, from a former life of this station. */
  remember(key: string, value: Uint8Array | null): void {
    if (value === null) {
      this.#published.delete(key);
      return;
    }
    const { text, left_out: leftOut, created } = suggestionCodec.decode(value);
    this.#published.set(key, { fingerprint: fingerprint(text, leftOut), atMs: created / 1000 });
  }

  #bounded(leftOut: string[]): string[] {
    const more = leftOut.length - this.#maxLeftOut;
    return more <= 0 ? leftOut : [...leftOut.slice(0, this.#maxLeftOut), `and ${more} more`];
  }

  /** Records to send so that the topic says what is recommended now; `fromUs` begins the history. */
  changes(
    recommendations: readonly Recommendation[],
    fromUs: number,
    nowMs: number,
  ): OutgoingMessage[] {
    const messages: OutgoingMessage[] = [];
    const wanted = new Set<string>();
    for (const { namespace, workload, text, leftOut } of recommendations) {
      const key = `${namespace}/${workload}`;
      wanted.add(key);
      const bounded = this.#bounded(leftOut);
      const known = this.#published.get(key);
      const fresh = fingerprint(text, bounded);
      if (known?.fingerprint === fresh && nowMs - known.atMs < this.#refreshMs) continue;
      const record = {
        namespace,
        workload,
        created: nowMs * 1000,
        from: fromUs,
        text,
        left_out: bounded,
      };
      messages.push({ key, value: suggestionCodec.encode(record) });
    }
    for (const key of this.#published.keys())
      if (!wanted.has(key)) messages.push({ key, value: null });
    return messages;
  }

  get size(): number {
    return this.#published.size;
  }
}
