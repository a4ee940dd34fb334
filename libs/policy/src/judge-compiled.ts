/**
 * Interprets compiled maps exactly as bpf/ does, so that a test can hold the compiler to the
 * evaluator without a kernel: two longest-prefix matches, first for the address, then for the rule.
 */
import { addressFromBytes, parseAddress } from "./address.ts";
import type { Cluster } from "./cluster.ts";
import { addressBook, podKey } from "./cluster.ts";
import type { CompiledPolicy, EndpointEntry } from "./compiled.ts";
import { anyPortBits, anyProtocolBits, exactPortBits, worldIdentity } from "./compiled.ts";
import type { Side } from "./network-policy.ts";
import { protocolNumber } from "./protocol.ts";
import type { Question } from "./traffic.ts";
import { endsOf } from "./traffic.ts";

export interface CompiledVerdict {
  verdict: "allowed" | "denied";
  reason: "not-isolated" | "policy" | "node" | "default-deny";
  /** Id in `rules`: of the rule that allowed, of the rule set that denied, else 0. */
  rule: number;
}

/** What one node's kernel holds. */
export class NodeMaps {
  /** The kernel has them as a flag on the identity. */
  readonly #ownNode = new Set<bigint>();
  readonly #identities = new Map<number, Map<bigint, number>>();
  readonly #lengths: number[];
  readonly #endpoints: Map<string, EndpointEntry>;
  /** By rule set and identity, then by protocol and port as far as the prefix goes. */
  readonly #rules = new Map<string, Map<string, number>>();

  /** `nodeAddresses` are the node's own, which its collector marks in the map. */
  constructor(compiled: CompiledPolicy, nodeAddresses: readonly string[] = []) {
    for (const { addr, prefix_bits, identity } of compiled.identities) {
      this.#putIdentity(addressFromBytes(addr), prefix_bits, identity);
    }
    for (const text of nodeAddresses) {
      const address = parseAddress(text);
      if (address !== undefined) this.#ownNode.add(address);
    }
    this.#lengths = [...this.#identities.keys()].sort((a, b) => b - a);
    this.#endpoints = new Map(
      compiled.endpoints.map((one) => [`${one.namespace}/${one.pod}`, one]),
    );
    for (const { rule_set, identity, prefix_bits, protocol, port, rule } of compiled.entries) {
      const table = this.#rules.get(`${rule_set} ${identity}`) ?? new Map<string, number>();
      this.#rules.set(`${rule_set} ${identity}`, table);
      table.set(`${prefix_bits} ${protocol} ${port}`, rule);
    }
  }

  #putIdentity(address: bigint, length: number, identity: number): void {
    const table = this.#identities.get(length);
    if (table === undefined) this.#identities.set(length, new Map([[address, identity]]));
    else table.set(address, identity);
  }

  identityOf(address: bigint): number {
    for (const length of this.#lengths) {
      const shift = BigInt(128 - length);
      const identity = this.#identities.get(length)?.get((address >> shift) << shift);
      if (identity !== undefined) return identity;
    }
    return worldIdentity;
  }

  /** The longest prefix of protocol and port that has an entry. */
  #ruleOf(ruleSet: number, identity: number, protocol: number, port: number): number | undefined {
    const table = this.#rules.get(`${ruleSet} ${identity}`);
    if (table === undefined) return undefined;
    for (let bits = exactPortBits; bits >= anyPortBits; bits -= 1) {
      const shift = exactPortBits - bits;
      const masked = (port >> shift) << shift;
      const rule = table.get(`${bits} ${protocol} ${masked}`);
      if (rule !== undefined) return rule;
    }
    return table.get(`${anyProtocolBits} 0 0`);
  }

  /** The verdict at one endpoint of this node. `remote` is the other end's address. */
  judge(side: Side, pod: string, remote: bigint, protocol: number, port: number): CompiledVerdict {
    const endpoint = this.#endpoints.get(pod);
    const ruleSet = endpoint?.[side === "ingress" ? "ingress_rule_set" : "egress_rule_set"] ?? 0;
    if (ruleSet === 0) return { verdict: "allowed", reason: "not-isolated", rule: 0 };
    if (side === "ingress" && this.#ownNode.has(remote)) {
      return { verdict: "allowed", reason: "node", rule: 0 };
    }
    const identity = this.identityOf(remote);
    const rule =
      this.#ruleOf(ruleSet, identity, protocol, port) ??
      this.#ruleOf(ruleSet, worldIdentity, protocol, port);
    if (rule === undefined) return { verdict: "denied", reason: "default-deny", rule: ruleSet };
    return { verdict: "allowed", reason: "policy", rule };
  }
}

/**
 * Answers questions from compiled maps: each end by the maps of its own node. Both ends of a
 * question must have an address of the family that is used.
 */
export class CompiledJudge {
  readonly #compiled: CompiledPolicy;
  readonly #cluster: Cluster;
  readonly #book;
  readonly #nodes = new Map<string, NodeMaps>();

  constructor(compiled: CompiledPolicy, cluster: Cluster) {
    this.#compiled = compiled;
    this.#cluster = cluster;
    this.#book = addressBook(cluster);
  }

  #mapsOf(node: string): NodeMaps {
    const known = this.#nodes.get(node);
    if (known !== undefined) return known;
    const own = [
      ...this.#cluster.nodes.filter((one) => one.name === node).flatMap((one) => one.addresses),
      ...this.#cluster.pods
        .filter((pod) => pod.hostNetwork && pod.node === node)
        .flatMap((pod) => pod.addresses),
    ];
    const maps = new NodeMaps(this.#compiled, node === "" ? [] : own);
    this.#nodes.set(node, maps);
    return maps;
  }

  judge(question: Question): {
    verdict: "allowed" | "denied";
    egress?: CompiledVerdict;
    ingress?: CompiledVerdict;
  } {
    const { from, to } = endsOf(question, this.#book);
    if (from.address === undefined || to.address === undefined) {
      throw new RangeError("both ends need an address of the family to be judged by address");
    }
    // A pod talking to itself never passes its own interface.
    if (from.pod !== undefined && from.pod === to.pod) return { verdict: "allowed" };
    const protocol = protocolNumber(question.protocol);
    const egress =
      from.pod &&
      this.#mapsOf(from.pod.node).judge(
        "egress",
        podKey(from.pod),
        to.address,
        protocol,
        question.port,
      );
    const ingress =
      to.pod &&
      this.#mapsOf(to.pod.node).judge(
        "ingress",
        podKey(to.pod),
        from.address,
        protocol,
        question.port,
      );
    const denied = egress?.verdict === "denied" || ingress?.verdict === "denied";
    return {
      verdict: denied ? "denied" : "allowed",
      ...(egress === undefined ? {} : { egress }),
      ...(ingress === undefined ? {} : { ingress }),
    };
  }
}
