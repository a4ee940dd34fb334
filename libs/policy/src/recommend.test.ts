import type { Cluster, ClusterPod } from "./cluster.ts";
import { Judge } from "./judge.ts";
import { readManifests } from "./manifests.ts";
import type { Policy } from "./network-policy.ts";
import type { ObservedEdge, ObservedEnd } from "./observed-edge.ts";
import { recommend } from "./recommend.ts";

const minute = 60_000_000;
const start = Date.UTC(2026, 0, 5, 12) * 1000;

function pod(
  namespace: string,
  workload: string,
  index = 0,
  labels: Record<string, string> = {},
): ClusterPod {
  return {
    namespace,
    name: `${workload}-${index}`,
    labels: { app: workload, "pod-template-hash": `h${index}`, ...labels },
    addresses: [],
    ports: [],
    node: "n1",
    hostNetwork: false,
    workload,
    workloadKind: "Deployment",
  };
}

const cluster: Cluster = {
  namespaces: {},
  pods: [
    pod("shop", "frontend", 0, { tier: "web" }),
    pod("shop", "frontend", 1, { tier: "web" }),
    pod("shop", "cart", 0, { tier: "backend" }),
    pod("shop", "database", 0, { tier: "data" }),
    pod("shop", "intruder"),
    pod("kube-system", "kube-dns", 0, { app: "dns", "k8s-app": "kube-dns" }),
  ],
  nodes: [{ name: "n1", addresses: ["10.64.255.1"] }],
};

function podEnd(text: string): ObservedEnd {
  const [namespace, name] = text.split("/") as [string, string];
  return { kind: "pod", namespace, workload: name, name: "", address: "" };
}

function outside(address: string, name = ""): ObservedEnd {
  return { kind: name === "" ? "" : "host", namespace: "", workload: "", name, address };
}

type EdgeParts = Partial<ObservedEdge> & {
  from: ObservedEnd | string;
  to: ObservedEnd | string;
  port: number;
};

function edge({ from, to, ...rest }: EdgeParts): ObservedEdge {
  const connections = rest.connections ?? 40;
  return {
    direction: "egress",
    source: typeof from === "string" ? podEnd(from) : from,
    destination: typeof to === "string" ? podEnd(to) : to,
    protocol: "TCP",
    connections,
    answered: connections,
    refused: 0,
    denied: 0,
    guessed: 0,
    bytes: 1000,
    replyBytes: 2000,
    first: start,
    last: start + minute,
    ...rest,
  };
}

const options = {
  from: start,
  until: start + 60 * minute,
  generator: "weir 0.1.0",
  namespace: "shop",
};

const usual = [
  edge({ from: "shop/frontend", to: "shop/cart", port: 7070 }),
  edge({ from: "shop/frontend", to: "shop/cart", port: 7070, direction: "ingress" }),
  edge({ from: "shop/frontend", to: "kube-system/kube-dns", port: 53, protocol: "UDP" }),
  edge({ from: "shop/cart", to: "shop/database", port: 5432 }),
  edge({ from: "shop/cart", to: outside("198.51.100.10", "weather.example"), port: 443 }),
];

const scan = [
  edge({
    from: "shop/intruder",
    to: "shop/database",
    port: 22,
    connections: 3,
    answered: 0,
    refused: 3,
  }),
  edge({ from: "shop/intruder", to: "shop/database", port: 5432, connections: 3 }),
  edge({ from: "shop/intruder", to: "shop/cart", port: 22, connections: 3, answered: 0 }),
  edge({
    from: "shop/intruder",
    to: "shop/cart",
    port: 5432,
    connections: 3,
    answered: 0,
    refused: 3,
  }),
  edge({ from: "shop/intruder", to: "shop/cart", port: 7070, connections: 3 }),
  edge({ from: "shop/intruder", to: outside("198.51.100.66"), port: 443 }),
];

describe("recommend", () => {
  it("closes what nothing was seen of, and the text says so when it is read again", () => {
    const seen = [edge({ from: "shop/cart", to: "shop/database", port: 5432 })];
    const byName = new Map(recommend(seen, cluster, options).map((one) => [one.workload, one]));
    const texts = ["cart", "database"].flatMap((name) => [
      byName.get(name)?.text ?? "",
      JSON.stringify(byName.get(name)?.policy),
    ]);
    const [cart, cartAgain, database, databaseAgain] = texts.map(
      (text) => readManifests(text, "suggested.yaml").policies[0],
    );
    for (const policy of [cart, cartAgain]) {
      expect([policy?.ingress, policy?.egress?.length]).toEqual([[], 1]);
    }
    for (const policy of [database, databaseAgain]) {
      expect([policy?.ingress?.length, policy?.egress]).toEqual([1, []]);
    }
    const judge = new Judge(cluster, [cart as Policy, database as Policy]);
    const [front, cartPod, databasePod] = ["frontend-0", "cart-0", "database-0"].map((name) => ({
      pod: cluster.pods.find((one) => one.name === name) as ClusterPod,
    })) as [{ pod: ClusterPod }, { pod: ClusterPod }, { pod: ClusterPod }];
    const ask = (from: { pod: ClusterPod }, to: { pod: ClusterPod }) =>
      judge.judge({ from, to, port: 5432, protocol: "TCP" }).verdict;
    expect(ask(cartPod, databasePod)).toBe("allowed");
    expect(ask(front, cartPod)).toBe("denied");
    expect(ask(databasePod, front)).toBe("denied");
  });

  it("writes one reviewable policy per workload", () => {
    const cart = recommend(usual, cluster, options).find((one) => one.workload === "cart");
    expect(cart?.text).toBe(`apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: cart
  namespace: shop
  annotations:
    weir.dev/generator: weir 0.1.0
    weir.dev/from: 2026-01-05T12:00:00Z
    weir.dev/until: 2026-01-05T13:00:00Z
    weir.dev/connections: "120"
    weir.dev/first: 2026-01-05T12:00:00Z
    weir.dev/last: 2026-01-05T12:01:00Z
    weir.dev/ingress-0: TCP 7070 from shop/frontend (40)
    weir.dev/egress-0: TCP 53, UDP 53 to kube-system/kube-dns
    weir.dev/egress-1: TCP 443 to 198.51.100.10 (weather.example) (40)
    weir.dev/egress-2: TCP 5432 to shop/database (40)
    weir.dev/dns: "not seen of this workload: the resolver that others use"
spec:
  podSelector:
    matchLabels:
      app: cart
  policyTypes:
    - Ingress
    - Egress
  ingress:
    - from:
        - podSelector:
            matchLabels:
              app: frontend
      ports:
        - protocol: TCP
          port: 7070
  egress:
    - to:
        - namespaceSelector:
            matchLabels:
              kubernetes.io/metadata.name: kube-system
          podSelector:
            matchLabels:
              app: dns
      ports:
        - protocol: TCP
          port: 53
        - protocol: UDP
          port: 53
    - to:
        - ipBlock:
            cidr: 198.51.100.10/32
      ports:
        - protocol: TCP
          port: 443
    - to:
        - podSelector:
            matchLabels:
              app: database
      ports:
        - protocol: TCP
          port: 5432
`);
  });

  it("takes each connection once that both ends saw, and every workload's pods by stable labels", () => {
    const [database, cart, frontend] = ["database", "cart", "frontend"].map((name) =>
      recommend(usual, cluster, options).find((one) => one.workload === name),
    );
    expect(frontend?.policy?.spec.podSelector).toEqual({ matchLabels: { app: "frontend" } });
    expect(frontend?.policy?.metadata.annotations?.["weir.dev/connections"]).toBe("80");
    expect(cart?.policy?.metadata.annotations?.["weir.dev/ingress-0"]).toContain("(40)");
    expect(database?.policy?.spec.egress).toEqual([]);
    expect(database?.policy?.spec.ingress).toHaveLength(1);
  });

  it("leaves out what was refused, never answered or denied, and says so", () => {
    const edges = [
      ...usual,
      edge({
        from: "shop/frontend",
        to: "shop/database",
        port: 5432,
        connections: 2,
        answered: 0,
        refused: 2,
      }),
      edge({ from: "shop/database", to: "shop/cart", port: 7070, connections: 5, answered: 0 }),
      edge({
        from: "shop/cart",
        to: "shop/frontend",
        port: 8080,
        connections: 7,
        answered: 0,
        denied: 7,
      }),
    ];
    const all = recommend(edges, cluster, options);
    const left = Object.fromEntries(all.map((one) => [one.workload, one.leftOut]));
    expect(left["frontend"]).toEqual([
      "ingress TCP 8080 from shop/cart (7 connections): denied by the policy in force",
      "egress TCP 5432 to shop/database (2 connections): refused by the destination",
    ]);
    expect(left["cart"]).toContain(
      "ingress TCP 7070 from shop/database (5 connections): never answered",
    );
    const without = recommend(usual, cluster, options);
    const specs = (list: typeof all) => list.map((one) => [one.workload, one.policy?.spec]);
    expect(specs(all)).toEqual(specs(without));
  });

  it("gives no rule to what a scanner got in by, from its first minutes on", () => {
    for (const seen of [scan, scan.slice(0, 2), scan.slice(0, 4)]) {
      const all = recommend([...usual, ...seen], cluster, options);
      expect(all.find((one) => one.workload === "intruder")?.policy).toBeNull();
      expect(all.map((one) => one.text).join("")).not.toContain("app: intruder");
      const database = all.find((one) => one.workload === "database");
      expect(database?.leftOut.join("\n")).toContain(
        "ingress TCP 5432 from shop/intruder (3 connections): answered, but shop/intruder looks like a scan",
      );
    }
  });

  it("neither rests on signalling nor tells of it", () => {
    const gateway: ObservedEnd = { ...outside("fe80::ff:fe00:1", "n1"), kind: "node" };
    const peers = [
      [gateway, "ICMPv6"],
      [outside("fe80::1"), "ICMPv6"],
      [outside("ff02::16"), "ICMPv6"],
      [outside("224.0.0.22"), "IGMP"],
      [outside("169.254.1.1"), "ICMP"],
    ] as const;
    const signals = peers.flatMap(([peer, protocol]) => [
      edge({ from: "shop/cart", to: peer, port: 0, protocol }),
      edge({ from: peer, to: "shop/cart", port: 0, protocol, direction: "ingress", answered: 0 }),
    ]);
    expect(recommend([...usual, ...signals], cluster, options)).toEqual(
      recommend(usual, cluster, options),
    );
    expect(recommend(signals, cluster, options)).toEqual([]);
  });

  it("says the ports of one reason in one line", () => {
    const edges = [
      ...usual,
      edge({ from: "shop/cart", to: "shop/database", port: 9999, connections: 2, answered: 0 }),
      edge({ from: "shop/cart", to: "shop/database", port: 22, connections: 1, answered: 0 }),
      edge({ from: "shop/cart", to: outside("192.0.2.1"), port: 0, protocol: "ICMP" }),
    ];
    const lenient = { minFailedTargets: 9, minFailedPorts: 9, maxLuckyConnections: 0 };
    const cart = recommend(edges, cluster, { ...options, scan: lenient }).find(
      (one) => one.workload === "cart",
    );
    expect(cart?.leftOut).toEqual([
      "egress ICMP to 192.0.2.1 (40 connections): a NetworkPolicy has no word for ICMP",
      "egress TCP 22, 9999 to shop/database (3 connections): never answered",
    ]);
  });

  it("does not take a client for a scanner whose one dependency is down, nor silent UDP for doors", () => {
    const edges = [
      ...usual,
      edge({ from: "shop/frontend", to: "shop/database", port: 5432, answered: 0, refused: 40 }),
      edge({
        from: "shop/frontend",
        to: outside("192.0.2.1"),
        port: 8125,
        protocol: "UDP",
        answered: 0,
      }),
      edge({
        from: "shop/frontend",
        to: outside("192.0.2.2"),
        port: 514,
        protocol: "UDP",
        answered: 0,
      }),
      edge({
        from: "shop/frontend",
        to: outside("192.0.2.3"),
        port: 6831,
        protocol: "UDP",
        answered: 0,
      }),
    ];
    const frontend = recommend(edges, cluster, options).find((one) => one.workload === "frontend");
    expect(frontend?.policy?.spec.egress).toHaveLength(2);
  });

  it("writes no policy where a workload has nothing stable to be selected by", () => {
    const bare = {
      ...pod("shop", "batch"),
      labels: { "job-name": "batch", "controller-uid": "1" },
    };
    const withBatch = { ...cluster, pods: [...cluster.pods, bare] };
    const edges = [...usual, edge({ from: "shop/batch", to: "shop/database", port: 5432 })];
    const all = recommend(edges, withBatch, options);
    const batch = all.find((one) => one.workload === "batch");
    expect(batch?.policy).toBeNull();
    expect(batch?.leftOut[0]).toMatch(/^everything: shop\/batch has no label/);
    expect(all.find((one) => one.workload === "database")?.leftOut[0]).toContain(
      "shop/batch has no stable label",
    );
  });

  it("uses more labels where one would select strangers", () => {
    const canary = { ...pod("shop", "cart-canary"), labels: { app: "cart", track: "canary" } };
    const stable = { ...pod("shop", "cart"), labels: { app: "cart", track: "stable" } };
    const pods = [...cluster.pods.filter((one) => one.workload !== "cart"), canary, stable];
    const cart = recommend(usual, { ...cluster, pods }, options).find(
      (one) => one.workload === "cart",
    );
    expect(cart?.policy?.spec.podSelector).toEqual({
      matchLabels: { app: "cart", track: "stable" },
    });
  });

  it("writes many addresses as blocks and says so", () => {
    const edges = Array.from({ length: 40 }, (_, index) =>
      edge({
        from: outside(`203.0.113.${index}`),
        to: "shop/frontend",
        port: 8080,
        connections: 1,
        direction: "ingress",
      }),
    );
    const frontend = recommend(edges, cluster, options)[0];
    expect(frontend?.policy?.spec.ingress?.[0]?.from).toEqual([
      { ipBlock: { cidr: "203.0.113.0/24" } },
    ]);
    expect(frontend?.policy?.metadata.annotations?.["weir.dev/ingress-0"]).toContain(
      "40 addresses as 1 of /24",
    );
  });

  it("does not guess who opened what began before it was watched", () => {
    const edges = [edge({ from: "shop/database", to: "shop/cart", port: 51_000, guessed: 40 })];
    const cart = recommend(edges, cluster, options).find((one) => one.workload === "cart");
    expect(cart?.policy).toBeNull();
    expect(cart?.leftOut[0]).toContain("who opened it is not known");
  });

  it("is the same text whatever the order of the edges", () => {
    const texts = (edges: ObservedEdge[]) =>
      recommend(edges, cluster, options).map((one) => one.text);
    expect(texts([...usual, ...scan].reverse())).toEqual(texts([...usual, ...scan]));
  });

  it("writes what its own reader takes without a word", () => {
    for (const { text } of recommend([...usual, ...scan], cluster, { ...options })) {
      const { diagnostics, policies } = readManifests(text, "suggestion.yaml");
      expect(diagnostics).toEqual([]);
      expect(policies).toHaveLength(text === "" ? 0 : 1);
    }
  });
});
