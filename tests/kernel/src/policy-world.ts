import type { PolicyDelta, PolicySet } from "@weir/codec";
import { PolicyCompiler, compile, readManifests } from "@weir/policy";
import type { ClusterPod, CompiledPolicy, Policy } from "@weir/policy";

const namespaces = ["red", "blue"];
const tiers = ["web", "app", "db"];
const ports = [80, 443, 5432, 8080];

export interface WorldOptions {
  seed: number;
  pods?: number;
  policies?: number;
}

/**
 * Pods and policies at random, and changes of them, compiled as the controller does it. The pod
 * `red/p0` is always there: it is the one whose interface is looked at.
 */
export class PolicyWorld {
  readonly #compiler = new PolicyCompiler();
  readonly #pods = new Map<string, ClusterPod>();
  readonly #policies = new Map<string, Policy>();
  #knownPolicies = new Set<string>();
  #knownPods = new Set<string>();
  #state: number;
  #count = 0;
  #revision = 0;

  constructor({ seed, pods = 8, policies = 6 }: WorldOptions) {
    this.#state = seed >>> 0;
    for (let index = 0; index < pods; index++) this.#putPod(index);
    for (let index = 0; index < policies; index++) this.#putPolicy(this.#count++);
    this.#isolate();
    this.#compiler.apply({
      policies: { set: [...this.#policies.values()] },
      pods: { set: [...this.#pods.values()] },
      namespaces: { set: namespaces.map((name) => ({ name, labels: { name } })) },
    });
    this.#revision = 1;
    this.#published();
  }

  get revision(): number {
    return this.#revision;
  }

  /** Compiled from nothing. */
  get compiled(): CompiledPolicy {
    return compile(this.#compiler.cluster, [...this.#policies.values()]);
  }

  /** Other pods' addresses, and two that are nobody's. */
  get addresses(): string[] {
    const others = [...this.#pods.values()].filter((pod) => pod.name !== "p0");
    return others.flatMap((pod) => pod.addresses).concat("10.9.9.9", "192.0.2.1");
  }

  set(): PolicySet {
    const revision = this.#revision;
    return {
      ...{ generation: revision, revision, mode: "enforce", created: 0, documents: [] },
      ...this.compiled,
    };
  }

  /** A change of one to three things. */
  edit(): PolicyDelta {
    const steps = 1 + this.below(3);
    for (let step = 0; step < steps; step++) this.#editOnce();
    const base = this.#revision++;
    // All of them are given anew: what is the same changes nothing.
    const gone = (had: Iterable<string>, has: Map<string, unknown>): string[] =>
      [...had].filter((key) => !has.has(key));
    const delta = this.#compiler.apply({
      policies: {
        set: [...this.#policies.values()],
        deleted: gone(this.#knownPolicies, this.#policies),
      },
      pods: { set: [...this.#pods.values()], deleted: gone(this.#knownPods, this.#pods) },
    });
    this.#published();
    return {
      ...{ base_revision: base, revision: base + 1, generation: base + 1, mode: "enforce" },
      ...{ created: 0, documents: { set: [], deleted: [] } },
      ...delta,
    };
  }

  /** A whole number from 0 to `bound - 1`. */
  below(bound: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let value = this.#state;
    value = Math.imul(value ^ (value >>> 15), value | 1);
    value ^= value + Math.imul(value ^ (value >>> 7), value | 61);
    return ((value ^ (value >>> 14)) >>> 0) % bound;
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)] as T;
  }

  #published(): void {
    this.#knownPolicies = new Set(this.#policies.keys());
    this.#knownPods = new Set(this.#pods.keys());
  }

  #editOnce(): void {
    const what = this.below(6);
    if (what < 2) this.#putPolicy(this.#count++);
    else if (what < 4 && this.#policies.size > 3) this.#dropPolicy();
    else if (what === 4) this.#putPod(this.below(10));
    else if (this.#pods.size > 4) this.#dropPod();
  }

  #putPod(index: number): void {
    const namespace = index === 0 ? "red" : (namespaces[index % 2] as string);
    const name = `p${index}`;
    this.#pods.set(`${namespace}/${name}`, {
      ...{ namespace, name, node: "", hostNetwork: false, workload: name, workloadKind: "Pod" },
      labels:
        index === 0 ? { tier: "web" } : { tier: this.pick(tiers), color: this.pick(["a", "b"]) },
      addresses: [`10.0.${index % 3}.${10 + index}`, `fd00::${10 + index}`],
      ports: [{ name: "main", port: this.pick(ports), protocol: "TCP" }],
    });
  }

  #dropPod(): void {
    const others = [...this.#pods.keys()].filter((key) => key !== "red/p0");
    this.#pods.delete(this.pick(others));
  }

  #dropPolicy(): void {
    const others = [...this.#policies.keys()].filter((key) => key !== "red/isolate");
    this.#policies.delete(this.pick(others));
  }

  /** So that there is always something to deny, and something to allow. */
  #isolate(): void {
    const ingress = [{ from: [{ ipBlock: { cidr: "10.9.0.0/16" } }] }];
    const policyTypes = ["Ingress", "Egress"];
    this.#parse("red", "isolate", { podSelector: {}, policyTypes, ingress });
  }

  #putPolicy(number: number): void {
    const rules = (field: "from" | "to"): object[] =>
      Array.from({ length: this.below(3) }, () => ({
        [field]: Array.from({ length: 1 + this.below(2) }, () => this.#peer()),
        ...(this.below(4) === 0 ? {} : { ports: [this.#port(), this.#port()] }),
      }));
    const selector = this.pick([{}, { matchLabels: { tier: this.pick(tiers) } }]);
    const sides = { ingress: rules("from"), egress: rules("to") };
    this.#parse(this.pick(namespaces), `n${number}`, {
      podSelector: selector,
      policyTypes: ["Ingress", "Egress"],
      ...sides,
    });
  }

  #peer(): object {
    const block = `10.0.${this.below(3)}.0`;
    const except = this.below(2) === 0 ? {} : { except: [`${block}/28`] };
    return this.pick([
      { podSelector: { matchLabels: { tier: this.pick(tiers) } } },
      { podSelector: { matchLabels: { color: this.pick(["a", "b"]) } }, namespaceSelector: {} },
      { namespaceSelector: { matchLabels: { name: this.pick(namespaces) } } },
      { ipBlock: { cidr: `${block}/24`, ...except } },
      { ipBlock: { cidr: this.pick(["10.0.0.0/8", "fd00::/64", "0.0.0.0/0"]) } },
    ]);
  }

  #port(): object {
    const port = this.pick(ports);
    return this.pick([
      { port, protocol: "TCP" },
      { port, endPort: port + 1000, protocol: "TCP" },
      { port: "main" },
      { port, protocol: "UDP" },
    ]);
  }

  #parse(namespace: string, name: string, spec: object): void {
    const text = JSON.stringify({
      ...{ apiVersion: "networking.k8s.io/v1", kind: "NetworkPolicy" },
      ...{ metadata: { name, namespace }, spec },
    });
    const { policies, diagnostics } = readManifests(text, name);
    const [policy] = policies;
    if (policy === undefined) throw new Error(`${text}: ${JSON.stringify(diagnostics)}`);
    this.#policies.set(`${namespace}/${name}`, policy);
  }
}
