/**
 * Another reading of a NetworkPolicy, which knows the API by heart and shares nothing with the
 * reader: how many of what there must be. Where the reader has fewer or "any", it made the policy
 * wider than its text.
 */
import type { Policy, Rule } from "../network-policy.ts";
import type { Selector } from "../selector.ts";

type Fields = Record<string, unknown>;

const known: Record<string, readonly string[]> = {
  spec: ["podSelector", "policyTypes", "ingress", "egress"],
  selector: ["matchLabels", "matchExpressions"],
  peer: ["podSelector", "namespaceSelector", "ipBlock"],
  port: ["protocol", "port", "endPort"],
  block: ["cidr", "except"],
};

function fieldsOf(value: unknown, kind: readonly string[], where: string): Fields {
  if (value === null || value === undefined) return {};
  if (typeof value !== "object" || Array.isArray(value)) throw new Error(`${where} is no object`);
  const unknown = Object.keys(value).find((key) => !kind.includes(key));
  if (unknown !== undefined) throw new Error(`${where} has ${unknown}, and it was read`);
  return value as Fields;
}

function listOf(value: unknown, where: string): unknown[] {
  if (value === null || value === undefined) return [];
  if (!Array.isArray(value)) throw new Error(`${where} is no list`);
  return value;
}

function same(actual: unknown, expected: unknown, where: string): void {
  const [one, other] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (one !== other) throw new Error(`${where} was read as ${one}, not ${other}`);
}

function checkSelector(written: unknown, read: Selector, where: string): void {
  const { matchLabels, matchExpressions } = fieldsOf(written, known["selector"] ?? [], where);
  const labels = Object.entries((matchLabels ?? {}) as Fields).map(([key, value]) => [
    key,
    "In",
    [value ?? ""],
  ]);
  const expressions = listOf(matchExpressions, where).map((one) => {
    const { key, operator, values } = one as Fields;
    // Go reads a null among texts as the empty one.
    return [key, operator, listOf(values, where).map((text) => text ?? "")];
  });
  const requirements = read.map(({ key, operator, values }) => [key, operator, values]);
  same(requirements, [...labels, ...expressions], where);
}

function checkRule(written: unknown, read: Rule, side: "ingress" | "egress"): void {
  const field = side === "ingress" ? "from" : "to";
  const fields = fieldsOf(written, [field, "ports"], side);
  const peers = listOf(fields[field], field);
  same(read.peers === "any" ? 0 : read.peers.length, peers.length, `${side} peers`);
  for (const [index, one] of peers.entries()) {
    const peer = fieldsOf(one, known["peer"] ?? [], "peer");
    const actual = read.peers === "any" ? undefined : read.peers[index];
    if (peer["ipBlock"] !== undefined && peer["ipBlock"] !== null) {
      const { cidr, except } = fieldsOf(peer["ipBlock"], known["block"] ?? [], "ipBlock");
      same(actual, { kind: "block", cidr, except: except ?? [] }, "block");
      continue;
    }
    if (actual?.kind !== "pods") throw new Error(`a peer of pods was read as ${actual?.kind}`);
    checkSelector(peer["podSelector"], actual.pods, "podSelector");
    const everywhere =
      peer["namespaceSelector"] === undefined || peer["namespaceSelector"] === null;
    same(actual.namespaces === null, everywhere, "namespaceSelector");
    if (actual.namespaces !== null)
      checkSelector(peer["namespaceSelector"], actual.namespaces, "namespaceSelector");
  }
  const ports = listOf(fields["ports"], "ports");
  same(read.ports === "any" ? 0 : read.ports.length, ports.length, `${side} ports`);
  for (const [index, one] of ports.entries()) {
    const { port, endPort, protocol } = fieldsOf(one, known["port"] ?? [], "port");
    const actual = read.ports === "any" ? undefined : read.ports[index];
    const meant = { kind: "every", protocol: protocol ?? "TCP" };
    if (typeof port === "string") same(actual, { ...meant, kind: "named", name: port }, "port");
    else if (typeof port === "number")
      same(actual, { ...meant, kind: "range", first: port, last: endPort ?? port }, "port");
    else same(actual, meant, "port");
  }
}

/** Throws where the policy is not what is written, field by field. `value` is the whole object. */
export function checkReading(value: unknown, policy: Policy): void {
  const spec = fieldsOf((value as Fields)["spec"], known["spec"] ?? [], "spec");
  checkSelector(spec["podSelector"], policy.selector, "podSelector");
  const types = listOf(spec["policyTypes"], "policyTypes");
  const written = {
    ingress: listOf(spec["ingress"], "ingress"),
    egress: listOf(spec["egress"], "egress"),
  };
  const isolates = {
    ingress: types.length === 0 || types.includes("Ingress"),
    egress: types.length === 0 ? written.egress.length > 0 : types.includes("Egress"),
  };
  for (const side of ["ingress", "egress"] as const) {
    const rules = policy[side];
    same(rules !== null, isolates[side], `isolation of ${side}`);
    if (rules === null) continue;
    same(rules.length, written[side].length, `${side} rules`);
    for (const [index, rule] of rules.entries()) checkRule(written[side][index], rule, side);
  }
}
