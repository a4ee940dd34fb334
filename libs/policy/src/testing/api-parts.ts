import type { WrittenPeer, WrittenPolicy, WrittenPort } from "../network-policy.ts";
import type { LabelSelector } from "../selector.ts";
import { operators } from "../selector.ts";
import type { World } from "./world.ts";

type Seen = [part: string, there: boolean];

interface WrittenRule {
  peers: WrittenPeer[] | null | undefined;
  ports: WrittenPort[] | undefined;
}

function rulesOf({ spec }: WrittenPolicy): WrittenRule[] {
  return [
    ...(spec.ingress ?? []).map(({ from, ports }) => ({ peers: from, ports })),
    ...(spec.egress ?? []).map(({ to, ports }) => ({ peers: to, ports })),
  ];
}

function ofSelectors(selectors: LabelSelector[]): Seen[] {
  const used = selectors.flatMap((one) => one.matchExpressions ?? []);
  return [
    ["selector {}", selectors.some((one) => Object.keys(one).length === 0)],
    [
      "matchLabels {}",
      selectors.some((one) => Object.keys(one.matchLabels ?? { x: 1 }).length === 0),
    ],
    ["matchExpressions []", selectors.some((one) => one.matchExpressions?.length === 0)],
    [
      "matchLabels and matchExpressions",
      selectors.some(
        (one) =>
          Object.keys(one.matchLabels ?? {}).length > 0 && (one.matchExpressions ?? []).length > 1,
      ),
    ],
    ...operators.map((operator): Seen => [operator, used.some((one) => one.operator === operator)]),
  ];
}

function ofPeers(peers: WrittenPeer[]): Seen[] {
  const blocks = peers.flatMap(({ ipBlock }) => (ipBlock === undefined ? [] : [ipBlock]));
  const both = peers.filter((one) => one.podSelector && one.namespaceSelector);
  const cidrs = blocks.map((one) => one.cidr);
  const excepted = blocks.filter((one) => (one.except ?? []).length > 0).map((one) => one.cidr);
  return [
    ["podSelector alone", peers.some((one) => one.podSelector && !one.namespaceSelector)],
    ["namespaceSelector alone", peers.some((one) => one.namespaceSelector && !one.podSelector)],
    ["both selectors in one peer", both.length > 0],
    ["IPv4 block", cidrs.some((one) => !one.includes(":"))],
    ["IPv6 block", cidrs.some((one) => one.includes(":"))],
    ["IPv4 written as IPv6", cidrs.some((one) => one.startsWith("::ffff:"))],
    ["IPv4 except", excepted.some((one) => !one.includes(":"))],
    ["IPv6 except", excepted.some((one) => one.includes(":"))],
    ["except []", blocks.some((one) => one.except?.length === 0)],
    ["/0", cidrs.some((one) => one.endsWith("/0"))],
    ["/32", cidrs.some((one) => one.endsWith(".10/32"))],
    ["/128", cidrs.some((one) => one.endsWith("/128"))],
  ];
}

function ofPorts(ports: WrittenPort[]): Seen[] {
  return [
    ["port by number", ports.some((one) => typeof one.port === "number" && !one.endPort)],
    ["port by name", ports.some((one) => typeof one.port === "string")],
    ["endPort", ports.some((one) => one.endPort !== undefined)],
    ["protocol alone", ports.some((one) => one.protocol && one.port === undefined)],
    ["port {}", ports.some((one) => Object.keys(one).length === 0)],
    ["TCP", ports.some((one) => one.protocol === "TCP")],
    ["UDP", ports.some((one) => one.protocol === "UDP")],
    ["SCTP", ports.some((one) => one.protocol === "SCTP")],
    ["protocol absent", ports.some((one) => one.protocol === undefined)],
  ];
}

function ofCluster({ cluster }: World): Seen[] {
  const { pods } = cluster;
  const named = pods.map((pod) => pod.ports.filter((port) => port.name !== ""));
  const httpPorts = named.flatMap((ports) => ports.filter((one) => one.name === "http"));
  return [
    ["dual stack", pods.some((pod) => !pod.hostNetwork && pod.addresses.length === 2)],
    ["host network", pods.some((pod) => pod.hostNetwork)],
    [
      "host network with an address",
      pods.some((pod) => pod.hostNetwork && pod.addresses.length > 0),
    ],
    ["node not known", pods.some((pod) => pod.node === "")],
    ["pod without labels", pods.some((pod) => Object.keys(pod.labels).length === 0)],
    ["empty label value", pods.some((pod) => Object.values(pod.labels).includes(""))],
    ["namespace nobody described", Object.keys(cluster.namespaces).length < 3],
    ["one name, other ports from pod to pod", new Set(httpPorts.map((one) => one.port)).size > 1],
    [
      "one name under two protocols of a pod",
      named.some((ports) =>
        ports.some((a) => ports.some((b) => a.name === b.name && a.protocol !== b.protocol)),
      ),
    ],
  ];
}

function ofSpecs(policies: WrittenPolicy[]): Seen[] {
  const specs = policies.map((policy) => policy.spec);
  return [
    ["no policy", policies.length === 0],
    ["podSelector absent", specs.some((one) => one.podSelector === undefined)],
    ["policyTypes absent", specs.some((one) => one.policyTypes === undefined)],
    ["policyTypes []", specs.some((one) => one.policyTypes?.length === 0)],
    ["policyTypes of one side", specs.some((one) => one.policyTypes?.length === 1)],
    [
      "types default to both",
      specs.some((one) => !one.policyTypes && (one.egress ?? []).length > 0),
    ],
    ["ingress absent", specs.some((one) => one.ingress === undefined)],
    ["ingress []", specs.some((one) => one.ingress?.length === 0)],
    ["egress absent", specs.some((one) => one.egress === undefined)],
    ["egress []", specs.some((one) => one.egress?.length === 0)],
    [
      "a side written that its types leave out",
      specs.some(
        (one) => one.ingress && one.policyTypes?.length === 1 && one.policyTypes[0] === "Egress",
      ),
    ],
  ];
}

/** For each part of the v1 API whether the world uses it. */
export function partsSeen(world: World): Seen[] {
  const rules = world.policies.flatMap((policy) => rulesOf(policy));
  const peers = rules.flatMap((rule) => rule.peers ?? []);
  const selectors = [
    ...world.policies.flatMap(({ spec }) => spec.podSelector ?? []),
    ...peers.flatMap((peer) => [peer.podSelector ?? [], peer.namespaceSelector ?? []].flat()),
  ];
  return [
    ...ofSpecs(world.policies),
    ["rule {}", rules.some((one) => one.peers === undefined && one.ports === undefined)],
    ["peers absent", rules.some((one) => one.peers === undefined)],
    ["peers []", rules.some((one) => one.peers?.length === 0)],
    ["peers null", rules.some((one) => one.peers === null)],
    ["ports absent", rules.some((one) => one.ports === undefined)],
    ["ports []", rules.some((one) => one.ports?.length === 0)],
    ["more blocks than stand alone", rules.some((one) => (one.peers ?? []).length > 4)],
    ...ofSelectors(selectors),
    ...ofPeers(peers),
    ...ofPorts(rules.flatMap((rule) => rule.ports ?? [])),
    ...ofCluster(world),
  ];
}
