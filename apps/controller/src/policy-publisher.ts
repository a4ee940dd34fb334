import { topics } from "@weir/bus";
import type { Bus } from "@weir/bus";
import { policyDeltaCodec, policyDeltaKey, policySetKey, policySetMessages } from "@weir/codec";
import type { PolicyDelta, PolicySet } from "@weir/codec";
import type { Log, PartCounters } from "@weir/runtime";

export interface PolicyPublisherOptions {
  bus: Pick<Bus, "send">;
  log: Log;
  counters: PartCounters;
  /** Keys that the topic holds, from this controller's former life. */
  keys: Iterable<string>;
  /** The snapshot on the topic is not what the next delta follows on. */
  mustSnapshot: boolean;
  /** A larger delta is published as a snapshot. */
  maxDeltaBytes: number;
  /** About the size of a message of a snapshot. */
  snapshotPartBytes: number;
}

/** Sends policy to weir.policies.v1: deltas at once, snapshots piece by piece beside them. */
export class PolicyPublisher {
  readonly #options: PolicyPublisherOptions;
  /** Deltas and parts on the topic. */
  readonly #keys: Set<string>;
  /** The topic has something for deltas to follow on. */
  #hasSnapshot: boolean;
  /** The newest revision that may or may not have arrived: deltas need a snapshot above it. */
  #unsure = -1;
  #deltas = 0;
  #snapshot: Promise<void> = Promise.resolve();

  constructor(options: PolicyPublisherOptions) {
    this.#options = options;
    this.#keys = new Set(options.keys);
    this.#hasSnapshot = this.#keys.delete(policySetKey) && !options.mustSnapshot;
    for (const key of this.#keys) if (isDelta(key)) this.#deltas++;
  }

  /** Deltas since the last snapshot was begun. */
  get deltas(): number {
    return this.#deltas;
  }

  /** Resolves when followers can have it. `after` is the state with the delta, where all is sent. */
  async publish(delta: PolicyDelta, after: () => PolicySet): Promise<void> {
    const value = this.#hasSnapshot ? policyDeltaCodec.encode(delta) : undefined;
    try {
      if (value === undefined || value.length > this.#options.maxDeltaBytes) {
        await this.snapshot(after());
      } else await this.#sendDelta(policyDeltaKey(delta.revision), value);
    } catch (error) {
      // Whether followers have it is not known: the next one must not depend on it.
      this.#hasSnapshot = false;
      this.#unsure = delta.revision;
      throw error;
    }
  }

  async #sendDelta(key: string, value: Uint8Array): Promise<void> {
    this.#keys.add(key);
    await this.#options.bus.send(topics.policies.name, [{ key, value }]);
    this.#deltas++;
  }

  /** One after another. What it replaces on the topic is deleted once it is there. */
  snapshot(set: PolicySet): Promise<void> {
    const mine = this.#snapshot.then(() => this.#sendSnapshot(set));
    this.#snapshot = mine.catch(() => undefined);
    return mine;
  }

  /** What is being sent in the background is through or has failed. */
  settled(): Promise<void> {
    return this.#snapshot;
  }

  async #sendSnapshot(set: PolicySet): Promise<void> {
    const { bus, log, counters } = this.#options;
    this.#deltas = 0;
    const obsolete = [...this.#keys].filter((key) => !isDelta(key) || isWithin(key, set.revision));
    let messages = 0;
    for (const message of policySetMessages(set, this.#options.snapshotPartBytes)) {
      // Before the send: what may have arrived has to be deleted one day.
      if (message.key !== policySetKey) this.#keys.add(message.key);
      await bus.send(topics.policies.name, [message]);
      messages++;
      await new Promise((resolve) => setImmediate(resolve));
    }
    this.#hasSnapshot ||= set.revision > this.#unsure;
    counters.sent(messages);
    const { revision } = set;
    log.debug({ revision, messages, obsolete: obsolete.length }, "a snapshot is published");
    await this.#delete(obsolete.filter((key) => !key.startsWith(`${policySetKey}/${revision}/`)));
  }

  async #delete(keys: string[]): Promise<void> {
    if (keys.length === 0) return;
    await this.#options.bus.send(
      topics.policies.name,
      keys.map((key) => ({ key, value: null })),
    );
    for (const key of keys) this.#keys.delete(key);
  }
}

function isDelta(key: string): boolean {
  return key.startsWith("delta/");
}

function isWithin(key: string, revision: number): boolean {
  return Number(key.slice(key.indexOf("/") + 1)) <= revision;
}
