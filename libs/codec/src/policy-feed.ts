import { createHash } from "node:crypto";
import { CodecError } from "./error.ts";
import type { PolicyDelta, PolicySet, PolicySetIndex } from "./events.ts";
import { policySetKey } from "./policy-messages.ts";
import { policyDeltaCodec, policySetCodec, policySetIndexCodec } from "./record-codec.ts";
import { schemas } from "./schemas.ts";

/** What a follower of weir.policies.v1 is to take over, in this order. */
export type PolicyNews = { set: PolicySet; delta?: never } | { delta: PolicyDelta; set?: never };

/** Messages that are kept until what they follow on has come. */
const maxEarlyDeltas = 4096;
const maxPartBytes = 256 << 20;

const prefixes = { delta: "delta/", part: `${policySetKey}/` };

/**
 * Reads weir.policies.v1: from records in any order to snapshots and deltas of which each follows on
 * the one before. A delta whose base has not come yet waits for it (compaction can put deltas before
 * the snapshot that they follow on); what is older than what was given out is passed over, so a
 * follower never goes back. After a gap nothing comes until the next snapshot.
 */
export class PolicyFeed {
  #revision = -1;
  /** By the revision that they follow on. */
  readonly #early = new Map<number, PolicyDelta>();
  readonly #parts = new Map<string, Uint8Array>();
  #partBytes = 0;
  #refused = 0;

  /** What has been given out; -1 before anything was. */
  get revision(): number {
    return this.#revision;
  }

  /** Deltas that wait for what they follow on. More than none for long: there is a gap. */
  get waiting(): number {
    return this.#early.size;
  }

  /** Size of the parts that wait for their index. */
  get partBytes(): number {
    return this.#partBytes;
  }

  /** Messages that there was no room to keep. */
  get refused(): number {
    return this.#refused;
  }

  /** Throws CodecError for what cannot be read; what was given out before stays right. */
  read(key: string, value: Uint8Array | null): PolicyNews[] {
    if (key.startsWith(prefixes.part)) {
      this.#keepPart(key, value);
      return [];
    }
    if (value === null) {
      this.#forget(key);
      return [];
    }
    if (key.startsWith(prefixes.delta)) return this.#delta(policyDeltaCodec.decode(value));
    if (key !== policySetKey) return [];
    return policySetIndexCodec.reads(value)
      ? this.#indexed(policySetIndexCodec.decode(value))
      : this.#snapshot(policySetCodec.decode(value));
  }

  #delta(delta: PolicyDelta): PolicyNews[] {
    if (delta.base_revision === this.#revision) {
      this.#revision = delta.revision;
      return [{ delta }, ...this.#next()];
    }
    if (delta.base_revision < this.#revision) return [];
    if (this.#early.size >= maxEarlyDeltas) this.#refused++;
    else this.#early.set(delta.base_revision, delta);
    return [];
  }

  #snapshot(set: PolicySet): PolicyNews[] {
    if (set.revision <= this.#revision) return [];
    this.#revision = set.revision;
    return [{ set }, ...this.#next()];
  }

  /** The early deltas that follow on now. */
  #next(): PolicyNews[] {
    const news: PolicyNews[] = [];
    for (;;) {
      const delta = this.#early.get(this.#revision);
      if (delta === undefined) break;
      this.#revision = delta.revision;
      news.push({ delta });
    }
    for (const base of this.#early.keys()) if (base < this.#revision) this.#early.delete(base);
    return news;
  }

  #forget(key: string): void {
    if (!key.startsWith(prefixes.delta)) return;
    const revision = Number(key.slice(prefixes.delta.length));
    for (const [base, delta] of this.#early) {
      if (delta.revision === revision) this.#early.delete(base);
    }
  }

  #keepPart(key: string, value: Uint8Array | null): void {
    this.#partBytes -= this.#parts.get(key)?.length ?? 0;
    this.#parts.delete(key);
    if (value === null || partRevision(key) <= this.#revision) return;
    if (this.#partBytes + value.length > maxPartBytes) {
      this.#refused++;
      return;
    }
    this.#parts.set(key, value);
    this.#partBytes += value.length;
  }

  #indexed(index: PolicySetIndex): PolicyNews[] {
    if (index.revision <= this.#revision) return [];
    const messages = this.#partsOf(index);
    const { generation, revision, mode, created } = index;
    const set: PolicySet = {
      ...{ generation, revision, mode, created },
      ...{ documents: [], identities: [], endpoints: [], entries: [], rules: [] },
    };
    for (const message of messages) {
      const part = policySetCodec.decode(message);
      for (const one of part.documents) set.documents.push(one);
      for (const one of part.identities) set.identities.push(one);
      for (const one of part.endpoints) set.endpoints.push(one);
      for (const one of part.entries) set.entries.push(one);
      for (const one of part.rules) set.rules.push(one);
    }
    for (const key of [...this.#parts.keys()]) {
      if (partRevision(key) <= revision) this.#dropPart(key);
    }
    return this.#snapshot(set);
  }

  #partsOf({ revision, parts, digest }: PolicySetIndex): Uint8Array[] {
    const messages: Uint8Array[] = [];
    const hash = createHash("sha256");
    for (let part = 0; part < parts; part++) {
      const message = this.#parts.get(`${prefixes.part}${revision}/${part}`);
      if (message === undefined) {
        const what = `part ${part} of ${parts} of revision ${revision} is missing`;
        throw new CodecError(schemas.PolicySetIndex.name, -1, what);
      }
      hash.update(message);
      messages.push(message);
    }
    if (!hash.digest().equals(digest)) {
      const what = `the parts of revision ${revision} are not those that were sent`;
      throw new CodecError(schemas.PolicySetIndex.name, -1, what);
    }
    return messages;
  }

  #dropPart(key: string): void {
    this.#partBytes -= this.#parts.get(key)?.length ?? 0;
    this.#parts.delete(key);
  }
}

function partRevision(key: string): number {
  return Number(key.split("/")[1]);
}
