import type { Mode, PolicyChange, PolicySet } from "@weir/codec";
import { compile, podKey, readManifests, selects } from "@weir/policy";
import type { Cluster, CompiledPolicy, Policy } from "@weir/policy";

/** A document that does not compile any more, and what holds in its place. */
export interface DocumentError {
  namespace: string;
  name: string;
  /** With file and line. */
  error: string;
  /** True: its last good text stays in force. False: it was never in force. */
  previousInForce: boolean;
}

export interface Compilation {
  /** What should be in force; the very `previous` where nothing changed. */
  set: PolicySet;
  changed: boolean;
  errors: DocumentError[];
}

/**
 * What should be in force, given what was and what is wanted. No I/O.
 *
 * The kernel has one mode for all: `observe` without policies, `shadow` when any document is
 * shadow, else `enforce`. The generation counts changes of texts and mode, the revision changes of
 * anything a packet could notice; both go on from what was in force and never go back.
 */
export class PolicyBook {
  #previous: PolicySet | undefined;
  #fingerprint = "";
  /** Parsed texts by document, so that a change of one parses one. */
  #read = new Map<string, Reading[]>();

  /** `previous`: what the topic holds, from this controller's former life. */
  constructor(previous?: PolicySet) {
    if (previous) this.#keep(previous);
  }

  get inForce(): PolicySet | undefined {
    return this.#previous;
  }

  /** The caller has published the set: the next one is compared with it. */
  published(set: PolicySet): void {
    this.#keep(set);
  }

  next(documents: Iterable<PolicyChange>, cluster: Cluster, nowUs: number): Compilation {
    const errors: DocumentError[] = [];
    const inForce: { policy: Policy; text: string; shadow: boolean }[] = [];
    const before = new Map(this.#previous?.documents.map((one) => [keyOf(one), one.text]));
    const wanted = [...documents].sort((one, two) => compareNames(keyOf(one), keyOf(two)));
    const readings = new Map<string, Reading[]>();
    for (const document of wanted) {
      const { namespace, name, shadow, text } = document;
      const old = before.get(keyOf(document));
      const fresh = this.#readOnce(document, text);
      const kept =
        typeof fresh.result === "string" && old ? this.#readOnce(document, old) : undefined;
      readings.set(keyOf(document), kept ? [fresh, kept] : [fresh]);
      const holds = [fresh, kept].find((one) => one && typeof one.result !== "string");
      if (holds) inForce.push({ policy: holds.result as Policy, text: holds.text, shadow });
      if (typeof fresh.result !== "string") continue;
      errors.push({ namespace, name, error: fresh.result, previousInForce: holds !== undefined });
    }
    this.#read = readings;
    const policies = inForce.map(({ policy }) => policy);
    const set = this.#number(
      modeOf(inForce),
      documentsOf(inForce),
      compile(cluster, policies),
      nowUs,
    );
    return { set, changed: set !== this.#previous, errors };
  }

  /** Pods (`namespace/name`) that each document in force isolates. */
  selected(cluster: Cluster): { namespace: string; name: string; pods: string[] }[] {
    return (this.#previous?.documents ?? []).map(({ namespace, name, text }) => {
      const known = this.#read.get(`${namespace}/${name}`)?.find((one) => one.text === text);
      const policy = known?.result ?? readOne({ namespace, name }, text);
      const pods = cluster.pods.filter(
        (pod) =>
          typeof policy !== "string" &&
          !pod.hostNetwork &&
          pod.namespace === namespace &&
          selects(policy.selector, pod.labels),
      );
      return { namespace, name, pods: pods.map((pod) => podKey(pod)) };
    });
  }

  #readOnce(document: PolicyChange, text: string): Reading {
    const known = this.#read.get(keyOf(document))?.find((one) => one.text === text);
    return known ?? { text, result: readOne(document, text) };
  }

  #number(
    mode: Mode,
    documents: PolicySet["documents"],
    compiled: CompiledPolicy,
    created: number,
  ): PolicySet {
    const previous = this.#previous;
    const sameTexts = previous
      ? previous.mode === mode && JSON.stringify(previous.documents) === JSON.stringify(documents)
      : documents.length === 0;
    if (previous && sameTexts && this.#fingerprint === fingerprint(compiled)) return previous;
    const { identities, endpoints, entries, rules } = compiled;
    return {
      generation: (previous?.generation ?? 0) + (sameTexts ? 0 : 1),
      revision: (previous?.revision ?? 0) + 1,
      mode,
      created,
      documents,
      identities,
      endpoints,
      entries,
      rules,
    };
  }

  #keep(set: PolicySet): void {
    this.#previous = set;
    this.#fingerprint = fingerprint(set);
  }
}

interface Reading {
  text: string;
  /** The policy, or what is wrong with the text. */
  result: Policy | string;
}

function readOne(document: { namespace: string; name: string }, text: string): Policy | string {
  const file = `${document.namespace}/${document.name}`;
  const { policies, diagnostics } = readManifests(text, file);
  const wrong = diagnostics.find(({ severity }) => severity === "error");
  if (wrong) return `${file}:${wrong.line}:${wrong.column}: ${wrong.text}`;
  const [policy, second] = policies;
  if (!policy || second) return `${file}: the text must hold exactly one NetworkPolicy`;
  if (policy.name !== document.name || policy.namespace !== document.namespace) {
    return `${file}: the text is of ${policy.namespace}/${policy.name}; apply it under its own name`;
  }
  return policy;
}

function modeOf(inForce: { shadow: boolean }[]): Mode {
  if (inForce.length === 0) return "observe";
  return inForce.some(({ shadow }) => shadow) ? "shadow" : "enforce";
}

function documentsOf(inForce: { policy: Policy; text: string }[]): PolicySet["documents"] {
  return inForce.map(({ policy, text }) => ({
    namespace: policy.namespace,
    name: policy.name,
    text,
  }));
}

function fingerprint({ identities, endpoints, entries, rules }: CompiledPolicy): string {
  return JSON.stringify([
    identities.map((one) => [Buffer.from(one.addr).toString("hex"), one.prefix_bits, one.identity]),
    endpoints.map((one) => [one.namespace, one.pod, one.ingress_rule_set, one.egress_rule_set]),
    entries.map((one) => [
      one.rule_set,
      one.identity,
      one.prefix_bits,
      one.protocol,
      one.port,
      one.rule,
    ]),
    rules.map((one) => [one.rule, one.text]),
  ]);
}

function keyOf(document: { namespace: string; name: string }): string {
  return `${document.namespace}/${document.name}`;
}

function compareNames(one: string, two: string): number {
  return one < two ? -1 : one > two ? 1 : 0;
}
