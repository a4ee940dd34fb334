import { topics } from "@weir/bus";
import type { Bus, TableReader } from "@weir/bus";
import { policySetCodec } from "@weir/codec";
import type { PolicySet } from "@weir/codec";
import type { Log } from "@weir/runtime";

/** The one key of weir.policies.v1. */
const currentKey = "current";

export interface PolicyFollowerOptions {
  bus: Bus;
  log: Log;
  /** Puts it into the kernel; throws when that fails. */
  apply(set: PolicySet): void;
  /** After each attempt, with what went wrong. */
  onOutcome(error: string | null): void;
}

/** Follows weir.policies.v1. Whatever cannot be read or written leaves the policy in force alone. */
export interface PolicyFollower {
  /** Newest set that could be read. */
  readonly latest: PolicySet | undefined;
  /** Resolves when what the topic held at the start is applied; true if that was within `waitMs`. */
  caughtUp(waitMs: number): Promise<boolean>;
  /** Applies the newest set once more: interfaces or addresses have changed. */
  again(): void;
  close(): Promise<void>;
}

export async function followPolicies(options: PolicyFollowerOptions): Promise<PolicyFollower> {
  const { bus, log } = options;
  const codec = policySetCodec;
  let latest: PolicySet | undefined;
  let waiting = false;
  let isClosed = false;

  const apply = (): void => {
    if (latest === undefined || isClosed) return;
    try {
      options.apply(latest);
      options.onOutcome(null);
    } catch (error) {
      const { generation, revision } = latest;
      log.error({ error, generation, revision }, "the policy is not in force; the previous one is");
      options.onOutcome(`generation ${generation}: ${(error as Error).message}`);
    }
  };

  /** Of several records that come at once only the last is written. */
  const applySoon = (): void => {
    if (waiting) return;
    waiting = true;
    setImmediate(() => {
      waiting = false;
      apply();
    });
  };

  const reader: TableReader = await bus.readTable({
    topic: topics.policies.name,
    onRecord(key, value) {
      // A set that was deleted would mean "no policy": that has to be said by an empty set.
      if (key !== currentKey || value === null) return;
      try {
        latest = codec.decode(value);
      } catch (error) {
        log.error({ error }, "a policy on the topic cannot be read; the previous one stays");
        options.onOutcome(`unreadable policy: ${(error as Error).message}`);
        return;
      }
      applySoon();
    },
    onError: (error) => log.warn({ error }, "reading policies is troubled; trying again"),
  });

  return {
    get latest() {
      return latest;
    },
    async caughtUp(waitMs) {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<false>((resolve) => {
        timer = setTimeout(() => resolve(false), waitMs);
      });
      try {
        const inTime = await Promise.race([reader.caughtUp.then(() => true), late]);
        // Past the setImmediate that applies what was just delivered.
        if (inTime) await new Promise((resolve) => setImmediate(resolve));
        return inTime;
      } finally {
        clearTimeout(timer);
      }
    },
    again: applySoon,
    async close() {
      isClosed = true;
      await reader.close();
    },
  };
}
