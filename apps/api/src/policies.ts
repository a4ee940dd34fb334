import { randomUUID } from "node:crypto";
import { type Bus, type OutgoingMessage, type TableReader, topics } from "@weir/bus";
import {
  type Mode,
  type PolicyChange,
  type PolicyDocument,
  PolicyFeed,
  policyChangeHeader,
  policyChangeCodec,
} from "@weir/codec";
import type { Log } from "@weir/runtime";
import { waitUntil } from "./nodes.ts";

/** What the controller published last, without the entries that only kernels need. */
export interface CompiledPolicies {
  generation: number;
  revision: number;
  mode: Mode;
  /** By `namespace/name`. */
  documents: ReadonlyMap<string, PolicyDocument>;
}

/** What is wanted (the documents) and what of it is compiled, followed from the bus. */
export interface Policies extends AsyncDisposable {
  readonly caughtUp: Promise<void>;
  /** Documents by `namespace/name`. */
  wanted(): ReadonlyMap<string, PolicyChange>;
  /** Undefined before the controller has published anything. */
  compiled(): CompiledPolicies | undefined;
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
  const wanted = new Map<string, PolicyChange>();
  const waiting = new Set<() => void>();
  const followed = new FollowedPolicies();
  const follow = (
    topic: string,
    read: (key: string, value: Uint8Array | null) => void,
  ): Promise<TableReader> =>
    bus.readTable({
      topic,
      onError: (error) => log.warn({ error, topic }, "the policies are interrupted"),
      onRecord(key, value) {
        try {
          read(key, value);
        } catch (error) {
          log.warn({ error, topic, key }, "a policy record cannot be read; it is left out");
        }
        for (const again of waiting) again();
      },
    });
  const texts = await follow(topics.policyDocuments.name, (key, value) => {
    if (value === null) wanted.delete(key);
    else wanted.set(key, policyChangeCodec.decode(value));
  });
  const sets = await follow(topics.policies.name, (key, value) => followed.read(key, value));
  return {
    caughtUp: Promise.all([texts.caughtUp, sets.caughtUp]).then(() => undefined),
    wanted: () => wanted,
    compiled: () => followed.compiled,
    async publish(changes, deletions) {
      // The controller takes them over when it has all of them.
      const count = changes.length + deletions.length;
      const headers = { [policyChangeHeader]: `${randomUUID()} ${count}` };
      const messages: OutgoingMessage[] = [
        ...changes.map((one) => ({
          ...{ key: policyKey(one), value: policyChangeCodec.encode(one), headers },
        })),
        ...deletions.map((key) => ({ key, value: null, headers })),
      ];
      await bus.send(topics.policyDocuments.name, messages);
    },
    wait: (holds, timeoutMs) => waitUntil(waiting, holds, timeoutMs),
    async [Symbol.asyncDispose]() {
      await Promise.all([texts.close(), sets.close()]);
    },
  };
}

/** The texts in force, change by change. */
class FollowedPolicies {
  readonly #feed = new PolicyFeed();
  readonly #documents = new Map<string, PolicyDocument>();
  compiled: CompiledPolicies | undefined;

  read(key: string, value: Uint8Array | null): void {
    for (const { set, delta } of this.#feed.read(key, value)) {
      if (set) this.#documents.clear();
      for (const one of delta?.documents.deleted ?? []) this.#documents.delete(policyKey(one));
      const changed = set?.documents ?? delta?.documents.set ?? [];
      for (const one of changed) this.#documents.set(policyKey(one), one);
      const { generation, revision, mode } = set ?? delta;
      this.compiled = { generation, revision, mode, documents: this.#documents };
    }
  }
}
