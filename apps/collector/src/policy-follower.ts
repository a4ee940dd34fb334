import { topics } from "@weir/bus";
import type { Bus, TableReader } from "@weir/bus";
import { PolicyFeed } from "@weir/codec";
import type { PolicyDelta, PolicyNews, PolicySet } from "@weir/codec";
import type { Log } from "@weir/runtime";

export interface PolicyFollowerOptions {
  bus: Bus;
  log: Log;
  /** Takes a whole policy, or a change of the one before, for the next `settle`; throws when it is invalid. */
  replace(set: PolicySet): void;
  edit(delta: PolicyDelta): void;
  /** Brings what was taken into the kernel. */
  settle(): Promise<void>;
  /** After each attempt, with what went wrong. */
  onOutcome(error: string | null): void;
}

export interface PolicyFollowerCounters {
  snapshots: number;
  deltas: number;
  /** Records that could not be read or taken. */
  refused: number;
  /** Changes that were passed over because one before them is missing. */
  skipped: number;
}

/** Follows weir.policies.v1. Whatever cannot be read or written leaves the policy in force alone. */
export interface PolicyFollower {
  readonly counters: PolicyFollowerCounters;
  /** Resolves when what the topic held at the start was tried; true if that was within `waitMs`. */
  caughtUp(waitMs: number): Promise<boolean>;
  /** Tries once more: interfaces or addresses have changed, or the last attempt failed. */
  again(): void;
  close(): Promise<void>;
}

export async function followPolicies(options: PolicyFollowerOptions): Promise<PolicyFollower> {
  const following = new Following(options);
  await following.open();
  return following;
}

class Following implements PolicyFollower {
  readonly counters = { snapshots: 0, deltas: 0, refused: 0, skipped: 0 };
  readonly #options: PolicyFollowerOptions;
  readonly #feed = new PolicyFeed();
  #reader: TableReader | undefined;
  /** A policy is held that changes can follow on. */
  #isWhole = false;
  #generation = 0;
  /** Why what was read last could not be taken; what was read before may be in force. */
  #refusal: string | null = null;
  /** The newest attempt, and whether it has yet to begin. */
  #attempt = Promise.resolve();
  #isWaiting = false;
  #isClosed = false;
  #isCaughtUp = false;
  /** What was said of the last attempt, so that trouble that stays is said once. */
  #said = "";

  constructor(options: PolicyFollowerOptions) {
    this.#options = options;
  }

  async open(): Promise<void> {
    const { bus, log } = this.#options;
    this.#reader = await bus.readTable({
      topic: topics.policies.name,
      onRecord: (key, value) => this.#read(key, value),
      onError: (error) => log.warn({ error }, "reading policies is troubled; trying again"),
    });
    this.#reader.caughtUp.then(
      () => (this.#isCaughtUp = true),
      () => {},
    );
  }

  async caughtUp(waitMs: number): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<false>((resolve) => {
      timer = setTimeout(() => resolve(false), waitMs);
    });
    const read = this.#reader?.caughtUp.then(async () => {
      await this.#idle();
      return true as const;
    });
    try {
      return (await Promise.race([read, late])) ?? false;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Of several records that come at once only the last state is written. */
  again(): void {
    if (this.#isClosed || this.#isWaiting) return;
    this.#isWaiting = true;
    this.#attempt = new Promise((resolve) => {
      setImmediate(() => {
        this.#isWaiting = false;
        resolve(this.#try());
      });
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#reader?.close();
    await this.#idle();
  }

  async #idle(): Promise<void> {
    let attempt: Promise<void>;
    do {
      attempt = this.#attempt;
      await attempt;
    } while (attempt !== this.#attempt);
  }

  #read(key: string, value: Uint8Array | null): void {
    let news: PolicyNews[];
    try {
      news = this.#feed.read(key, value);
    } catch (error) {
      this.#refuse(error as Error, "unreadable policy");
      return;
    }
    for (const one of news) this.#take(one);
    if (news.length > 0) this.again();
    else if (this.#feed.waiting > 0 && this.#isCaughtUp) this.#tellGap();
  }

  /** Compaction can put changes before what they follow on; after the beginning it is a gap. */
  #tellGap(): void {
    const { revision } = this.#feed;
    const refusal = `changes that follow on revision ${revision} are missing; the next whole policy ends that`;
    if (this.#refusal === refusal) return;
    this.#refusal = refusal;
    this.#options.log.warn({ revision }, "changes of the policy are missing; it stays as it is");
    this.#options.onOutcome(refusal);
  }

  #take(news: PolicyNews): void {
    const { generation, revision } = news.set ?? news.delta;
    if (news.set === undefined && !this.#isWhole) {
      this.counters.skipped++;
      return;
    }
    try {
      if (news.set === undefined) this.#options.edit(news.delta);
      else this.#options.replace(news.set);
      this.#isWhole = true;
      this.#generation = generation;
      this.#refusal = null;
      this.counters[news.set === undefined ? "deltas" : "snapshots"]++;
    } catch (error) {
      this.#isWhole = false;
      this.#refuse(error as Error, `generation ${generation}, revision ${revision}`);
    }
  }

  #refuse(error: Error, what: string): void {
    this.counters.refused++;
    this.#refusal = `${what}: ${error.message}`;
    this.#options.log.error({ error }, "a policy cannot be taken; the one before stays in force");
    this.#options.onOutcome(this.#refusal);
  }

  async #try(): Promise<void> {
    if (this.#isClosed) return;
    const generation = this.#generation;
    try {
      await this.#options.settle();
      this.#said = "";
      this.#options.onOutcome(this.#refusal);
    } catch (error) {
      const text = `generation ${generation}: ${(error as Error).message}`;
      if (text !== this.#said) {
        const what = "the policy is not in force; the one before is";
        this.#options.log.error({ error, generation }, what);
      }
      this.#said = text;
      this.#options.onOutcome(text);
    }
  }
}
