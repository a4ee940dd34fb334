import type { Cluster, ClusterPod } from "../cluster.ts";
import type { ContainerPort } from "../manifest-objects.ts";
import type { WrittenPeer, WrittenPolicy, WrittenPort } from "../network-policy.ts";
import type { Protocol } from "../protocol.ts";
import type { LabelSelector, Labels, Operator } from "../selector.ts";
import type { Party, Question } from "../traffic.ts";
import type { Choices } from "./choices.ts";

/** A cluster and policies over it, small enough that everything meets everything. */
export interface World {
  cluster: Cluster;
  policies: WrittenPolicy[];
}

export const namespaces = ["a", "b", "c"];
const keys = ["app", "tier", "x.io/env"];
const values = ["one", "two", ""];
const portNames = ["http", "dns"];
const portNumbers = [80, 53, 81, 8080, 1, 65_535, 1024];
const portProtocols = ["TCP", "UDP", "SCTP"] as const;

const bothNodes = [
  { name: "n1", addresses: ["10.0.0.1", "fd00::1"] },
  { name: "n2", addresses: ["10.0.1.1"] },
];

const outside4 = ["192.0.2.7", "10.0.1.200", "10.0.0.255", "0.0.0.1"];
const outside6 = ["2001:db8::7", "fd00::1:200", "fd00::ff", "::1:0"];

export function makeLabels(choices: Choices): Labels {
  return Object.fromEntries(choices.list(0, 2, () => [choices.pick(keys), choices.pick(values)]));
}

export function makePort(choices: Choices): ContainerPort {
  return {
    name: choices.pick([...portNames, ""]),
    port: choices.pick(portNumbers),
    protocol: choices.pick(portProtocols),
  };
}

export function makePod(choices: Choices, index: number): ClusterPod {
  const namespace = choices.pick(namespaces);
  const four = `10.0.${choices.below(2)}.${10 + index}`;
  const six = `fd00::${choices.below(2)}:${10 + index}`;
  const hostNetwork = choices.oneIn(8);
  const node = choices.pick(["n1", "n2", ""]);
  return {
    namespace,
    name: `p${index}`,
    labels: makeLabels(choices),
    addresses: hostNetwork
      ? choices.pick([
          [],
          ...bothNodes.filter((one) => one.name === node).map((one) => one.addresses),
        ])
      : choices.pick([[four], [four, six], [six], [six, four]]),
    ports: choices.list(0, 3, () => makePort(choices)),
    node,
    hostNetwork,
    workload: `p${index}`,
    workloadKind: "Pod",
  };
}

function makeSelector(choices: Choices): LabelSelector {
  const labels = Object.fromEntries(
    choices.list(0, 1, () => [choices.pick(keys), choices.pick(values)]),
  );
  const expressions = choices.list(0, 2, () => {
    const operator: Operator = choices.pick(["In", "NotIn", "Exists", "DoesNotExist"]);
    const key = choices.pick(keys);
    const takesValues = operator === "In" || operator === "NotIn";
    return takesValues
      ? { key, operator, values: choices.list(1, 2, () => choices.pick(values)) }
      : { key, operator };
  });
  const selector: LabelSelector = {};
  if (Object.keys(labels).length > 0 || choices.oneIn(3)) selector.matchLabels = labels;
  if (expressions.length > 0 || choices.oneIn(3)) selector.matchExpressions = expressions;
  return selector;
}

function makeNamespaceSelector(choices: Choices): LabelSelector {
  if (!choices.oneIn(3)) return makeSelector(choices);
  return { matchLabels: { "kubernetes.io/metadata.name": choices.pick(namespaces) } };
}

function makeBlock(choices: Choices): WrittenPeer {
  const six = choices.oneIn(2);
  const address = six
    ? choices.pick(["fd00::0:10", "fd00::1:11", "::", "fd00::1:12", "::ffff:10.0.1.11"])
    : choices.pick(["10.0.0.10", "10.0.1.11", "0.0.0.0", "10.0.1.12"]);
  const lengths = six ? [0, 8, 95, 96, 112, 120, 124, 127, 128] : [0, 8, 16, 23, 24, 28, 31, 32];
  // IPv4 in IPv6 clothes has no wider block than all of IPv4.
  const least = address.startsWith("::ffff:") ? lengths.indexOf(96) : 0;
  const at = Math.max(choices.below(lengths.length), least);
  const narrower = lengths.slice(at + 1);
  const except =
    narrower.length === 0 ? [] : choices.list(0, 2, () => `${address}/${choices.pick(narrower)}`);
  const ipBlock = { cidr: `${address}/${lengths[at]}`, except };
  return { ipBlock: except.length === 0 && choices.oneIn(2) ? { cidr: ipBlock.cidr } : ipBlock };
}

function makePeer(choices: Choices): WrittenPeer {
  switch (choices.below(4)) {
    case 0:
      return { podSelector: makeSelector(choices) };
    case 1:
      return { namespaceSelector: makeNamespaceSelector(choices) };
    case 2:
      return {
        namespaceSelector: makeNamespaceSelector(choices),
        podSelector: makeSelector(choices),
      };
    default:
      return makeBlock(choices);
  }
}

function makeWrittenPort(choices: Choices): WrittenPort {
  const port: WrittenPort = {};
  if (!choices.oneIn(4)) port.protocol = choices.pick(portProtocols);
  switch (choices.below(4)) {
    case 0:
      return { ...port, port: choices.pick(portNumbers) };
    case 1:
      return { ...port, port: choices.pick(portNames) };
    case 2: {
      const first = choices.pick([1, 53, 79, 80, 1000]);
      return {
        ...port,
        port: first,
        endPort: Math.min(65_535, first + choices.pick([0, 1, 2, 65, 7000, 65_535])),
      };
    }
    default:
      return port;
  }
}

function makeRules<Field extends "from" | "to">(choices: Choices, field: Field) {
  return choices.list(0, 2, () => {
    const rule: Partial<Record<Field, WrittenPeer[]>> & { ports?: WrittenPort[] } = {};
    // So many blocks that the compiler takes them for one thing.
    const peers = choices.oneIn(8)
      ? choices.list(5, 8, () => (choices.oneIn(8) ? makePeer(choices) : makeBlock(choices)))
      : choices.list(0, 2, () => makePeer(choices));
    const ports = choices.list(0, 2, () => makeWrittenPort(choices));
    // Absent and empty mean the same in a rule that somebody writes; both are tried.
    const none = peers.length === 0 ? choices.pick(["absent", "empty", "null"]) : undefined;
    if (none !== "absent") Object.assign(rule, { [field]: none === "null" ? null : peers });
    if (ports.length > 0 || choices.oneIn(2)) rule.ports = ports;
    return rule;
  });
}

export function makePolicy(choices: Choices, index: number): WrittenPolicy {
  const spec: WrittenPolicy["spec"] = {};
  if (!choices.oneIn(6)) spec.podSelector = makeSelector(choices);
  const types = choices.pick([
    ["Ingress", "Egress"],
    undefined,
    ["Ingress"],
    ["Egress"],
    [],
  ] as const);
  if (types !== undefined) spec.policyTypes = [...types];
  if (!choices.oneIn(3)) spec.ingress = makeRules(choices, "from");
  if (!choices.oneIn(3)) spec.egress = makeRules(choices, "to");
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: { name: `policy-${index}`, namespace: choices.pick(namespaces) },
    spec,
  };
}

export function makeCluster(choices: Choices): Cluster {
  return {
    // One that only its pods mention has but its name for a label.
    namespaces: Object.fromEntries(
      namespaces.flatMap((name) => (choices.oneIn(5) ? [] : [[name, makeLabels(choices)]])),
    ),
    pods: choices.list(1, 6, (index) => makePod(choices, index)),
    nodes: bothNodes,
  };
}

export function makeWorld(choices: Choices): World {
  return {
    cluster: makeCluster(choices),
    policies: choices.list(0, 4, (index) => makePolicy(choices, index)),
  };
}

/** Every pair of pods, and pods with addresses outside, over ports at and beside the interesting ones. */
export function* questionsOf(choices: Choices, cluster: Cluster): Generator<Question> {
  const ports = [
    ...new Set(choices.list(3, 3, () => choices.pick(portNumbers) + choices.pick([0, 1, -1]))),
  ];
  const named = [...new Set(cluster.pods.flatMap((pod) => pod.ports.map((port) => port.port)))];
  const protocols: Protocol[] = ["TCP", choices.pick(["UDP", "SCTP", "ICMP"])];
  for (const family of [4, 6] as const) {
    const pods: Party[] = cluster.pods
      .filter((pod) => pod.addresses.some((text) => text.includes(":") === (family === 6)))
      .map((pod) => ({ pod }));
    const nodes = cluster.nodes
      .flatMap((node) => node.addresses)
      .filter((text) => text.includes(":") === (family === 6));
    const others: Party[] = [...(family === 4 ? outside4 : outside6), ...nodes].map((address) => ({
      address,
    }));
    const pairs = [
      ...pods.flatMap((from) => pods.map((to) => [from, to] as const)),
      ...pods.flatMap((pod) =>
        others.flatMap((other) => [[pod, other] as const, [other, pod] as const]),
      ),
    ];
    for (const [from, to] of pairs) {
      for (const protocol of protocols) {
        const asked =
          protocol === "ICMP"
            ? [0]
            : [...ports, ...named].filter((port) => port > 0 && port < 65_536);
        for (const port of asked) yield { from, to, port, protocol, family };
      }
    }
  }
}
