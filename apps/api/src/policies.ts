import { type Bus, type OutgoingMessage, topics } from "@weir/bus";
import { type PolicyChange, type PolicySet, policyChangeCodec, policySetCodec } from "@weir/codec";
import type { Log } from "@weir/runtime";
import { waitUntil } from "./nodes.ts";

/** What is wanted (the documents) and what it was compiled to (the set), followed from the bus. */
export interface Policies extends AsyncDisposable {
  readonly caughtUp: Promise<void>;
  /** Documents by `namespace/name`. */
  wanted(): ReadonlyMap<string, PolicyChange>;
  /** Newest compiled set; undefined before the controller has published one. */
  compiled(): PolicySet | undefined;
  /** Publishes changes and, for keys in `deletions`, their end. */
  publish(changes: PolicyChange[], deletions: string[]): Promise<void>;
  /** Resolves true as soon as `holds` is true, false after the time. */
  wait(holds: () => boolean, timeoutMs: number): Promise<boolean>;
}

/** A document as it is kept, or as it is compiled. */
export interface PolicyText {
  namespace: string;
  name: string;
  text: string;
}

/** Key of a document on its topic. */
export function policyKey(policy: { namespace: string; name: string }): string {
  return `${policy.namespace}/${policy.name}`;
}

export async function followPolicies(bus: Bus, log: Log): Promise<Policies> {
  const documents = new Map<string, PolicyChange>();
  const waiting = new Set<() => void>();
  let set: PolicySet | undefined;
  const onError = (error: Error): void => log.warn({ error }, "the policies are interrupted");
  const changed = (apply: () => void): void => {
    try {
      apply();
    } catch (error) {
      log.warn({ error }, "a policy record cannot be read; it is left out");
    }
    for (const again of waiting) again();
  };
  const texts = await bus.readTable({
    topic: topics.policyDocuments.name,
    onError,
    onRecord: (key, value) =>
      changed(() => {
        if (value === null) documents.delete(key);
        else documents.set(key, policyChangeCodec.decode(value));
      }),
  });
  const sets = await bus.readTable({
    topic: topics.policies.name,
    onError,
    onRecord: (_key, value) =>
      changed(() => {
        set = value === null ? undefined : policySetCodec.decode(value);
      }),
  });
  return {
    caughtUp: Promise.all([texts.caughtUp, sets.caughtUp]).then(() => undefined),
    wanted: () => documents,
    compiled: () => set,
    async publish(changes, deletions) {
      const messages: OutgoingMessage[] = [
        ...changes.map((one) => ({ key: policyKey(one), value: policyChangeCodec.encode(one) })),
        ...deletions.map((key) => ({ key, value: null })),
      ];
      await bus.send(topics.policyDocuments.name, messages);
    },
    wait: (holds, timeoutMs) => waitUntil(waiting, holds, timeoutMs),
    async [Symbol.asyncDispose]() {
      await Promise.all([texts.close(), sets.close()]);
    },
  };
}
