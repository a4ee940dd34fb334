import type { ClusterPod } from "../cluster.ts";
import { podKey } from "../cluster.ts";
import { readManifests } from "../manifests.ts";
import type { Policy } from "../network-policy.ts";
import { policyKey } from "../network-policy.ts";
import type { CompilerChange } from "../policy-compiler.ts";
import type { Labels } from "../selector.ts";
import type { Choices } from "./choices.ts";
import { makeLabels, makePod, makePolicy, makePort, namespaces } from "./world.ts";

/** A world that changes, and the change that was made to it. */
export class EditedWorld {
  readonly pods = new Map<string, ClusterPod>();
  readonly policies = new Map<string, Policy>();
  readonly namespaces = new Map<string, Labels>();
  readonly #choices: Choices;

  constructor(choices: Choices) {
    this.#choices = choices;
  }

  /** Some edits as one change; what it says last of a thing is what holds. */
  change(): { change: CompilerChange; words: string[] } {
    const words = this.#choices.list(1, 3, () => this.#edit());
    const touched = {
      pods: new Set<string>(),
      policies: new Set<string>(),
      namespaces: new Set<string>(),
    };
    for (const word of words) touched[word.table].add(word.key);
    const part = <Item>(table: Map<string, Item>, keys: Set<string>) => ({
      set: [...keys].flatMap((key) => table.get(key) ?? []),
      deleted: [...keys].filter((key) => !table.has(key)),
    });
    const labels = new Map(
      [...this.namespaces].map(([name, one]) => [name, { name, labels: one }]),
    );
    return {
      change: {
        pods: part(this.pods, touched.pods),
        policies: part(this.policies, touched.policies),
        namespaces: part(labels, touched.namespaces),
      },
      words: words.map(({ word }) => word),
    };
  }

  #edit(): { table: "pods" | "policies" | "namespaces"; key: string; word: string } {
    const choices = this.#choices;
    switch (choices.below(10)) {
      case 0:
      case 1:
      case 2:
        return this.#setPolicy();
      case 3:
        return this.#delete("policies", this.policies);
      case 4:
        return this.#relabelNamespace();
      case 5:
        return this.#delete("pods", this.pods);
      case 6:
      case 7:
        return this.#changePod();
      default:
        return this.#setPod(makePod(choices, choices.below(8)), "set");
    }
  }

  #setPolicy() {
    const written = makePolicy(this.#choices, this.#choices.below(6));
    const { policies } = readManifests(JSON.stringify(written), "edit.json");
    const policy = policies[0] as Policy;
    const key = policyKey(policy);
    this.policies.set(key, policy);
    return { table: "policies" as const, key, word: `set policy ${JSON.stringify(written)}` };
  }

  #delete(table: "pods" | "policies", from: Map<string, unknown>) {
    const key = this.#choices.pick(["a/none", ...from.keys()]);
    from.delete(key);
    return { table, key, word: `delete ${table} ${key}` };
  }

  #relabelNamespace() {
    const name = this.#choices.pick(namespaces);
    const labels = makeLabels(this.#choices);
    if (this.#choices.oneIn(4)) this.namespaces.delete(name);
    else this.namespaces.set(name, labels);
    const now = JSON.stringify(this.namespaces.get(name));
    return { table: "namespaces" as const, key: name, word: `namespace ${name} ${now}` };
  }

  #setPod(pod: ClusterPod, verb: string) {
    const key = podKey(pod);
    this.pods.set(key, pod);
    return { table: "pods" as const, key, word: `${verb} pod ${JSON.stringify(pod)}` };
  }

  /** The pod that is there already, with one thing different. */
  #changePod() {
    const choices = this.#choices;
    const pods = [...this.pods.values()];
    if (pods.length === 0) return this.#setPod(makePod(choices, 0), "set");
    const pod = choices.pick(pods);
    const other = choices.pick(pods);
    switch (choices.below(7)) {
      case 6:
        return this.#setPod({ ...pod, uid: String(choices.below(3)) }, "another instance of");
      case 0:
        return this.#setPod({ ...pod, labels: makeLabels(choices) }, "relabel");
      case 1:
        return this.#setPod(
          { ...pod, ports: choices.list(0, 3, () => makePort(choices)) },
          "ports of",
        );
      case 2:
        // Both have it until the other one goes or changes: a claim twice.
        return this.#setPod({ ...pod, addresses: other.addresses }, "address of another to");
      case 3:
        return this.#setPod(
          { ...pod, addresses: [...pod.addresses, ...other.addresses] },
          "more to",
        );
      case 4:
        return this.#setPod({ ...pod, hostNetwork: !pod.hostNetwork }, "host network of");
      default:
        return this.#setPod({ ...pod, addresses: pod.addresses.toReversed(), node: "n2" }, "turn");
    }
  }

  /** Two pods change places. */
  swap(): CompilerChange | undefined {
    const [one, two] = [...this.pods.values()];
    if (one === undefined || two === undefined) return undefined;
    const swapped = [
      { ...one, addresses: two.addresses },
      { ...two, addresses: one.addresses },
    ];
    for (const pod of swapped) this.pods.set(podKey(pod), pod);
    return { pods: { set: swapped } };
  }
}
