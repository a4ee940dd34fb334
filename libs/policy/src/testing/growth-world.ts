/** Clusters of any size with policies of a shape, to see what entries and time grow with. */
import type { ClusterPod } from "../cluster.ts";
import type {
  Peer,
  Policy,
  PortMatch,
  Rule,
  WrittenPeer,
  WrittenPolicy,
  WrittenPort,
} from "../network-policy.ts";
import type { ClusterNamespace } from "../policy-compiler.ts";
import { selectorOf } from "../selector.ts";

export type GrowthShape = keyof typeof shapes;

export interface GrowthWorld {
  pods: ClusterPod[];
  policies: Policy[];
  namespaces: ClusterNamespace[];
}

const podsPerApp = 8;
const appsPerNamespace = 12;

function namespaceOf(app: number): string {
  return `team-${Math.floor(app / appsPerNamespace)}`;
}

/** A pod of a Deployment, as the controller manager labels it; every tenth app is a StatefulSet. */
export function growthPod(index: number, apps: number): ClusterPod {
  const app = index % apps;
  const replica = Math.floor(index / apps);
  const unique: Record<string, string> =
    app % 10 === 9
      ? { "statefulset.kubernetes.io/pod-name": `app-${app}-${replica}` }
      : { "pod-template-hash": `h${app}` };
  return {
    namespace: namespaceOf(app),
    name: `app-${app}-${replica}`,
    labels: { app: `app-${app}`, tier: `tier-${app % 4}`, ...unique },
    addresses: [
      `10.${64 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}`,
      `fd00:64::${(index >> 8).toString(16)}:${(index & 255).toString(16)}`,
    ],
    ports: [
      { name: "http", port: 8000 + (app % 3), protocol: "TCP" },
      { name: "metrics", port: 9100, protocol: "TCP" },
    ],
    node: `node-${index % 20}`,
    hostNetwork: false,
    workload: `app-${app}`,
    workloadKind: "Deployment",
  };
}

function system(name: string, address: number): ClusterPod {
  return {
    ...growthPod(0, 1),
    namespace: "kube-system",
    name,
    labels: { "k8s-app": name },
    addresses: [`10.63.0.${address}`, `fd00:63::${address}`],
  };
}

function policy(namespace: string, name: string, spec: WrittenPolicy["spec"]): WrittenPolicy {
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: { namespace, name },
    spec,
  };
}

function appPeer(app: number, from: number): WrittenPeer {
  const podSelector = { matchLabels: { app: `app-${app}` } };
  if (namespaceOf(app) === namespaceOf(from)) return { podSelector };
  const matchLabels = { "kubernetes.io/metadata.name": namespaceOf(app) };
  return { podSelector, namespaceSelector: { matchLabels } };
}

const toDns = {
  to: [
    {
      namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "kube-system" } },
      podSelector: { matchLabels: { "k8s-app": "kube-dns" } },
    },
  ],
  ports: [
    { port: 53, protocol: "UDP" },
    { port: 53, protocol: "TCP" },
  ] satisfies WrittenPort[],
};

const privateBlocks = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"];

/** What teams write: default deny and DNS for a namespace, then whom each app serves and calls. */
function usual(index: number, apps: number): WrittenPolicy {
  const app = index % apps;
  const namespace = namespaceOf(app);
  const podSelector = { matchLabels: { app: `app-${app}` } };
  const name = `policy-${index}`;
  if (app % appsPerNamespace === 0) {
    const policyTypes: ("Ingress" | "Egress")[] = ["Ingress", "Egress"];
    return policy(namespace, name, { podSelector: {}, policyTypes, egress: [toDns] });
  }
  const near = (step: number): WrittenPeer => appPeer((app + step + (index % 7)) % apps, app);
  switch (index % 5) {
    case 0:
      return policy(namespace, name, {
        podSelector,
        egress: [
          { to: [near(3), near(17)], ports: [{ port: "http" }] },
          {
            to: [{ ipBlock: { cidr: "0.0.0.0/0", except: privateBlocks } }],
            ports: [{ port: 443 }],
          },
        ],
      });
    case 1: {
      const namespaceSelector = { matchLabels: { "kubernetes.io/metadata.name": "kube-system" } };
      const prometheus = {
        namespaceSelector,
        podSelector: { matchLabels: { "k8s-app": "prometheus" } },
      };
      return policy(namespace, name, {
        podSelector,
        ingress: [{ from: [prometheus], ports: [{ port: "metrics" }] }],
      });
    }
    default:
      return policy(namespace, name, {
        podSelector,
        ingress: [
          { from: [near(1), near(2)], ports: [{ port: "http" }] },
          { from: [near(40)], ports: [{ port: 9000, endPort: 9010 }] },
        ],
      });
  }
}

/** Each policy with selectors that no other uses and that nearly everything in reach matches. */
function oneOff(index: number, apps: number): WrittenPolicy {
  const other = (key: string) => ({
    matchExpressions: [{ key, operator: "NotIn" as const, values: [`v${index}`] }],
  });
  return policy(namespaceOf(index % apps), `one-off-${index}`, {
    podSelector: { ...other("tier"), matchLabels: { app: `app-${index % apps}` } },
    ingress: [{ from: [{ podSelector: other("app") }], ports: [{ port: 1 + (index % 60_000) }] }],
  });
}

function blocks(seed: number, count: number): WrittenPeer[] {
  return Array.from({ length: count }, (_, at) => {
    const base = `${20 + (seed % 80)}.${(at >> 4) & 255}.${(at & 15) * 16}`;
    return { ipBlock: { cidr: `${base}.0/24`, except: [`${base}.64/26`, `${base}.200/32`] } };
  });
}

/** 500 blocks with two exceptions each. */
function manyBlocks(index: number, apps: number): WrittenPolicy {
  const app = index % apps;
  return policy(namespaceOf(app), `blocks-${index}`, {
    podSelector: { matchLabels: { app: `app-${app}` } },
    egress: [{ to: blocks(index, 500), ports: [{ port: 443 }] }],
  });
}

/** Ranges that take the most prefixes, towards a whole namespace. */
function wideRanges(index: number, apps: number): WrittenPolicy {
  const app = index % apps;
  return policy(namespaceOf(app), `ranges-${index}`, {
    podSelector: { matchLabels: { app: `app-${app}` } },
    ingress: [
      {
        from: [{ podSelector: {} }],
        ports: [
          { port: 1, endPort: 65_534 },
          { port: 1, endPort: 65_534, protocol: "UDP" },
        ],
      },
    ],
  });
}

/** Every app open to every pod of the cluster, by selector. */
function everybody(index: number, apps: number): WrittenPolicy {
  const app = index % apps;
  return policy(namespaceOf(app), `everybody-${index}`, {
    podSelector: { matchLabels: { app: `app-${app}` } },
    ingress: [
      { from: [{ namespaceSelector: {} }], ports: [{ port: "http" }] },
      { from: [appPeer((app + 1 + (index % 9)) % apps, app)], ports: [{ port: 9000 }] },
    ],
  });
}

/** All of them isolate the same pods: a whole namespace. */
function sameSelector(index: number, apps: number): WrittenPolicy {
  return policy("team-0", `same-${index}`, {
    podSelector: {},
    ingress: [{ from: [appPeer(index % apps, 0)], ports: [{ port: 1000 + (index % 50) }] }],
  });
}

function peerOf({ ipBlock, namespaceSelector, podSelector }: WrittenPeer): Peer {
  if (ipBlock !== undefined)
    return { kind: "block", cidr: ipBlock.cidr, except: ipBlock.except ?? [] };
  const namespaces = namespaceSelector === undefined ? null : selectorOf(namespaceSelector);
  return { kind: "pods", namespaces, pods: selectorOf(podSelector ?? {}) };
}

function portOf({ protocol = "TCP", port, endPort }: WrittenPort): PortMatch {
  if (typeof port === "string") return { kind: "named", protocol, name: port };
  if (port === undefined) return { kind: "every", protocol };
  return { kind: "range", protocol, first: port, last: endPort ?? port };
}

function ruleOf(peers: WrittenPeer[] | undefined, ports: WrittenPort[] | undefined): Rule {
  return {
    peers: peers?.map((peer) => peerOf(peer)) ?? "any",
    ports: ports?.map((port) => portOf(port)) ?? "any",
  };
}

/** What the reader would make of it; hundreds of thousands of blocks would keep that one busy. */
function policyOf(written: WrittenPolicy): Policy {
  const { spec, metadata } = written;
  const { namespace = "", name } = metadata;
  const types = spec.policyTypes ?? (spec.egress ? ["Ingress", "Egress"] : ["Ingress"]);
  const ingress = spec.ingress?.map(({ from, ports }) => ruleOf(from, ports)) ?? [];
  const egress = spec.egress?.map(({ to, ports }) => ruleOf(to, ports)) ?? [];
  return {
    namespace,
    name,
    selector: selectorOf(spec.podSelector ?? {}),
    ingress: types.includes("Ingress") ? ingress : null,
    egress: types.includes("Egress") ? egress : null,
    written,
    text: "",
    place: null,
  };
}

export const shapes = { usual, oneOff, manyBlocks, wideRanges, everybody, sameSelector };

export function appsOf(pods: number): number {
  return Math.max(4, Math.ceil(pods / podsPerApp));
}

export function growthPolicies(
  shape: GrowthShape,
  from: number,
  count: number,
  apps: number,
): Policy[] {
  return Array.from({ length: count }, (_, at) => policyOf(shapes[shape](from + at, apps)));
}

export function growthWorld(shape: GrowthShape, pods: number, policies: number): GrowthWorld {
  const apps = appsOf(pods);
  const all = [
    ...Array.from({ length: pods }, (_, index) => growthPod(index, apps)),
    system("kube-dns", 1),
    system("prometheus", 2),
  ];
  const names = [...new Set(all.map((pod) => pod.namespace))];
  return {
    pods: all,
    policies: growthPolicies(shape, 0, policies, apps),
    namespaces: names.map((name) => ({ name, labels: { team: name } })),
  };
}
