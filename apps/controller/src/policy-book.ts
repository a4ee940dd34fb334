import type { Mode, PolicyChange, PolicyDelta, PolicySet } from "@weir/codec";
import {
  PolicyCompiler,
  diffCompiled,
  isEmptyDelta,
  podKey,
  selects,
  tablesOf,
} from "@weir/policy";
import type { CompiledDelta, CompilerChange, EndpointEntry, Policy } from "@weir/policy";
import type { DocumentError } from "./document.ts";
import { EndpointGate } from "./endpoint-gate.ts";
import type { Confirmation } from "./endpoint-gate.ts";
import type { PodChange } from "./pod-changes.ts";
import { PublishedPolicy } from "./published-policy.ts";
import { WantedDocuments } from "./wanted-documents.ts";

export interface PolicyBookOptions {
  /** What the topic holds, from this controller's former life. */
  published?: PublishedPolicy | undefined;
  /** How long a pod's endpoint waits for nodes that do not confirm its addresses. */
  endpointHoldMs: number;
  nodes: Confirmation;
}

/**
 * What should be in force, given what was and what is wanted, change by change. No I/O.
 *
 * The kernel has one mode for all: `observe` without policies, `shadow` when any document is
 * shadow, else `enforce`. The generation counts changes of texts and mode, the revision changes of
 * anything a packet could notice; both go on from what was published and never go back.
 */
export class PolicyBook {
  readonly published: PublishedPolicy;
  readonly #nodes: Confirmation;
  readonly #gate: EndpointGate;
  readonly #wanted = new WantedDocuments();
  #compiler = new PolicyCompiler();
  /** The compiler has failed within a change. */
  #mustRebuild = false;
  /** Documents whose text or mode of working changed since the last draft, with what held before. */
  #changed = new Set<string>();
  #pods: PodChange = { set: new Map(), deleted: new Set(), namespaces: new Map() };
  #replaced = new Set<string>();
  /** Of the draft that waits for its outcome. */
  #replacing = new Set<string>();
  /** All is compared with what is published: at the start, and when a draft was not published. */
  #compareAll = true;
  /** Also where nothing differs: there is nothing on the topic, or less than the nodes hold. */
  #mustPublish: boolean;
  #opening: EndpointEntry[] = [];
  /** A generation that followers may have seen though its sending failed. */
  #attempt: { generation: number; texts: string } | undefined;

  constructor(options: PolicyBookOptions) {
    this.published = options.published ?? new PublishedPolicy();
    this.#mustPublish = options.published === undefined;
    this.#nodes = options.nodes;
    this.#gate = new EndpointGate(options.endpointHoldMs);
  }

  get errors(): DocumentError[] {
    return this.#wanted.errors;
  }

  get gate(): Pick<EndpointGate, "size" | "unconfirmed"> {
    return this.#gate;
  }

  /** There is something that a draft could be made of. */
  get isStale(): boolean {
    return (
      this.#compareAll ||
      this.#changed.size > 0 ||
      this.#replaced.size > 0 ||
      this.#pods.set.size + this.#pods.deleted.size + this.#pods.namespaces.size > 0 ||
      this.#gate.size > 0
    );
  }

  /** Numbers that are used up, though what is published does not tell of them. */
  goOnFrom(revision: number, generation: number): void {
    this.published.revision = Math.max(this.published.revision, revision);
    this.published.generation = Math.max(this.published.generation, generation);
    this.#mustPublish = true;
  }

  isHeld(key: string, text: string): boolean {
    return this.#wanted.get(key)?.text === text;
  }

  /** `read`: what the text says, where that was looked at already. */
  document(key: string, change: PolicyChange | null, read?: Policy | string): void {
    const before = this.published.documents.get(key)?.text;
    const differs =
      change === null ? this.#wanted.delete(key) : this.#wanted.set(change, before, read);
    if (differs) this.#changed.add(key);
  }

  pods(change: PodChange): void {
    for (const key of change.deleted) {
      this.#pods.set.delete(key);
      this.#pods.deleted.add(key);
    }
    for (const [key, pod] of change.set) {
      this.#pods.deleted.delete(key);
      this.#pods.set.set(key, pod);
    }
    for (const [name, labels] of change.namespaces) this.#pods.namespaces.set(name, labels);
    for (const key of change.replaced ?? []) this.#replaced.add(key);
  }

  /**
   * What to publish next, or undefined where nothing differs. Then either `wasPublished` or
   * `wasNotPublished`, before the next draft.
   */
  draft(nowUs: number): PolicyDelta | undefined {
    const changed = this.#changed;
    this.#changed = new Set();
    const compiled = this.#compile(changed);
    const documents = this.#documents(this.#compareAll ? undefined : changed);
    const { mode } = this.#wanted;
    const textsChanged =
      mode !== this.published.mode || documents.set.length + documents.deleted.length > 0;
    const revision = this.published.revision + 1;
    const endpoints = this.#endpoints(compiled, mode === "observe", nowUs / 1000);
    const rest = { ...compiled, endpoints };
    const isEmpty = !textsChanged && isEmptyDelta(rest) && !this.#mustPublish;
    this.#gate.number(isEmpty ? this.published.revision : revision);
    this.#opening = this.#gate.ready(this.#nodes, nowUs / 1000);
    for (const entry of this.#opening) open(endpoints, entry);
    this.#compareAll = false;
    if (isEmpty && this.#opening.length === 0) return undefined;
    return {
      base_revision: this.published.revision,
      revision,
      generation: textsChanged ? this.#nextGeneration(mode, documents) : this.published.generation,
      mode,
      // Who keeps history goes by it: a clock that is set back makes no delta an old one.
      created: Math.max(nowUs, this.published.created + 1),
      documents,
      ...rest,
    };
  }

  /** All of it as it is with a draft that is not published yet. */
  after(delta: PolicyDelta): PolicySet {
    const after = PublishedPolicy.of(this.published.snapshot());
    after.follow(delta);
    return after.snapshot();
  }

  wasPublished(delta: PolicyDelta): void {
    this.published.follow(delta);
    this.#attempt = undefined;
    this.#mustPublish = false;
    this.#gate.opened(this.#opening, this.#nodes);
    this.#opening = [];
  }

  /** It may have arrived all the same: its numbers are used up, and all has to be sent next. */
  wasNotPublished(delta: PolicyDelta): void {
    this.#attempt = { generation: delta.generation, texts: textsOf(delta) };
    this.published.revision = delta.revision;
    this.published.created = delta.created;
    this.#mustPublish = true;
    this.#compareAll = true;
    this.#opening = [];
    for (const key of this.#replacing) this.#replaced.add(key);
  }

  /** Pods (`namespace/name`) that each document in force isolates. */
  selected(): { namespace: string; name: string; pods: string[] }[] {
    const { pods } = this.#compiler.cluster;
    return [...this.published.documents.values()].map(({ namespace, name }) => {
      const policy = this.#wanted.get(`${namespace}/${name}`)?.policy;
      const mine = pods.filter(
        (pod) =>
          policy !== undefined &&
          !pod.hostNetwork &&
          pod.namespace === namespace &&
          selects(policy.selector, pod.labels),
      );
      return { namespace, name, pods: mine.map((pod) => podKey(pod)) };
    });
  }

  /** The same number never stands for two texts. */
  #nextGeneration(mode: Mode, documents: PolicyDelta["documents"]): number {
    if (this.#attempt === undefined) return this.published.generation + 1;
    const { generation, texts } = this.#attempt;
    return texts === textsOf({ mode, documents }) ? generation : generation + 1;
  }

  #compile(changed: ReadonlySet<string>): CompiledDelta {
    const set: Policy[] = [];
    const deleted: string[] = [];
    for (const key of changed) {
      const held = this.#wanted.get(key);
      if (held) set.push(held.policy);
      else deleted.push(key);
    }
    const pods = this.#takePods();
    try {
      if (!this.#mustRebuild) {
        const delta = this.#compiler.apply({ policies: { set, deleted }, ...pods });
        if (!this.#compareAll) return delta;
      }
    } catch (error) {
      this.#refuse(changed, (error as Error).message);
      this.#mustRebuild = true;
    }
    if (this.#mustRebuild) this.#rebuild(pods);
    return diffCompiled(this.published.tables, tablesOf(this.#compiler.compiled));
  }

  /** What cannot be compiled changes nothing: its documents say again what is published of them. */
  #refuse(changed: ReadonlySet<string>, why: string): void {
    for (const key of changed) {
      this.#wanted.refuse(key, `${key}: ${why}`, this.published.documents.get(key));
    }
  }

  /**
   * A compiler that failed holds half of a change: another one is told all that this one knows of
   * pods, then the change. Where that fails too, nothing is published and nothing forgotten.
   */
  #rebuild(change: Pick<CompilerChange, "pods" | "namespaces">): void {
    this.#compareAll = true;
    const { pods, namespaces } = this.#compiler.cluster;
    const fresh = new PolicyCompiler();
    try {
      fresh.apply({
        policies: { set: [...this.#wanted.entries()].map(([, { policy }]) => policy) },
        pods: { set: pods },
        namespaces: {
          set: Object.entries(namespaces).map(([name, labels]) => ({ name, labels })),
        },
      });
      fresh.apply(change);
    } catch (error) {
      this.#keepPods(change);
      throw error;
    }
    this.#compiler = fresh;
    this.#mustRebuild = false;
  }

  #takePods(): Pick<CompilerChange, "pods" | "namespaces"> {
    const { set, deleted, namespaces } = this.#pods;
    this.#pods = { set: new Map(), deleted: new Set(), namespaces: new Map() };
    return {
      pods: { set: [...set.values()], deleted: [...deleted] },
      namespaces: { set: [...namespaces].map(([name, labels]) => ({ name, labels })) },
    };
  }

  #keepPods({ pods, namespaces }: Pick<CompilerChange, "pods" | "namespaces">): void {
    this.pods({
      set: new Map((pods?.set ?? []).map((pod) => [podKey(pod), pod])),
      deleted: new Set(pods?.deleted),
      namespaces: new Map((namespaces?.set ?? []).map(({ name, labels }) => [name, labels])),
    });
  }

  /** Of these documents, or of all, those whose text differs from what is published. */
  #documents(keys: ReadonlySet<string> | undefined): PolicyDelta["documents"] {
    const published = this.published.documents;
    const all =
      keys ?? new Set([...published.keys(), ...[...this.#wanted.entries()].map(([key]) => key)]);
    const documents: PolicyDelta["documents"] = { set: [], deleted: [] };
    for (const key of all) {
      const held = this.#wanted.get(key);
      const before = published.get(key);
      if (held !== undefined && held.text !== before?.text) {
        const { namespace, name } = held.policy;
        documents.set.push({ namespace, name, text: held.text });
      } else if (held === undefined && before !== undefined) {
        documents.deleted.push({ namespace: before.namespace, name: before.name });
      }
    }
    return documents;
  }

  /** Where nothing is enforced nothing is closed, and nothing needs to wait. */
  #endpoints(compiled: CompiledDelta, isOpen: boolean, nowMs: number): CompiledDelta["endpoints"] {
    const replaced = this.#replaced;
    this.#replacing = replaced;
    this.#replaced = new Set();
    if (isOpen && this.#gate.size === 0) return compiled.endpoints;
    return this.#gate.sift(
      compiled.endpoints,
      this.published.tables.endpoints,
      isOpen ? new Set() : replaced,
      nowMs,
    );
  }
}

/** A pod's entry is either deleted or set. */
function open(endpoints: CompiledDelta["endpoints"], entry: EndpointEntry): void {
  const at = endpoints.deleted.findIndex(
    (one) => one.namespace === entry.namespace && one.pod === entry.pod,
  );
  if (at >= 0) endpoints.deleted.splice(at, 1);
  endpoints.set.push(entry);
}

function textsOf({ mode, documents }: Pick<PolicyDelta, "mode" | "documents">): string {
  return JSON.stringify([mode, documents]);
}
