/** NetworkPolicy v1 line by line, each asked of the evaluator, the maps, the explainer and the matrix. */
import { EveryPath } from "./testing/every-path.ts";

const base = `
apiVersion: v1
kind: List
items:
  - {apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {team: a}}}
  - {apiVersion: v1, kind: Namespace, metadata: {name: bank, labels: {team: b}}}
  - {apiVersion: v1, kind: Node, metadata: {name: n1}, status: {addresses: [{type: InternalIP, address: 10.9.0.1}, {type: InternalIP, address: "fd00:9::1"}]}}
  - {apiVersion: v1, kind: Node, metadata: {name: n2}, status: {addresses: [{type: InternalIP, address: 10.9.0.2}]}}
  - {apiVersion: v1, kind: Pod, metadata: {name: web, namespace: shop, labels: {app: web, tier: front}}, spec: {nodeName: n1, containers: [{name: c, ports: [{name: http, containerPort: 8080}]}]}, status: {podIP: 10.0.0.1, podIPs: [{ip: 10.0.0.1}, {ip: "fd00::1"}]}}
  - {apiVersion: v1, kind: Pod, metadata: {name: db, namespace: shop, labels: {app: db}}, spec: {nodeName: n2, containers: [{name: c, ports: [{name: http, containerPort: 80}]}, {name: d, ports: [{name: http, containerPort: 53, protocol: UDP}, {name: sig, containerPort: 3868, protocol: SCTP}]}]}, status: {podIP: 10.0.0.2, podIPs: [{ip: 10.0.0.2}, {ip: "fd00::2"}]}}
  - {apiVersion: v1, kind: Pod, metadata: {name: web, namespace: bank, labels: {app: web}}, spec: {nodeName: n1}, status: {podIP: 10.1.0.1, podIPs: [{ip: 10.1.0.1}, {ip: "fd00:1::1"}]}}
  - {apiVersion: v1, kind: Pod, metadata: {name: agent, namespace: shop, labels: {app: web}}, spec: {nodeName: n2, hostNetwork: true}, status: {podIP: 10.9.0.2}}
`;

const db = { podSelector: { matchLabels: { app: "db" } } };
const nobody = { matchLabels: { app: "nobody" } };

function path(...specs: unknown[]): EveryPath {
  return new EveryPath(base, specs);
}

/** Who reaches shop/db on TCP 80: shop/web, bank/web, an address outside. */
function whoReachesDb(...specs: unknown[]): string[] {
  const all = path(...specs);
  return ["shop/web", "bank/web", "192.0.2.1"].filter(
    (from) => all.ask(from, "db", 80).verdict === "allowed",
  );
}

const everybody = ["shop/web", "bank/web", "192.0.2.1"];

describe("a set that resolves to nothing", () => {
  it.each([
    ["ingress: []", { ...db, ingress: [], policyTypes: ["Ingress"] }],
    ["ingress absent", { ...db, policyTypes: ["Ingress"] }],
    ["ingress null", { ...db, ingress: null, policyTypes: ["Ingress"] }],
    [
      "a podSelector that selects nobody",
      { ...db, ingress: [{ from: [{ podSelector: nobody }] }] },
    ],
    [
      "a namespaceSelector that selects nobody",
      { ...db, ingress: [{ from: [{ namespaceSelector: nobody }] }] },
    ],
    [
      "both selectors, whose pods and namespaces never meet",
      {
        ...db,
        ingress: [
          {
            from: [
              {
                namespaceSelector: { matchLabels: { team: "b" } },
                podSelector: { matchLabels: { tier: "front" } },
              },
            ],
          },
        ],
      },
    ],
    [
      "requirements that contradict each other",
      {
        ...db,
        ingress: [
          {
            from: [
              {
                podSelector: {
                  matchLabels: { app: "web" },
                  matchExpressions: [{ key: "app", operator: "DoesNotExist" }],
                },
              },
            ],
          },
        ],
      },
    ],
    ["a named port that no pod has", { ...db, ingress: [{ ports: [{ port: "grpc" }] }] }],
    [
      "a named port that is there under another protocol",
      { ...db, ingress: [{ ports: [{ port: "sig" }] }] },
    ],
    [
      "a block that is excepted whole",
      {
        ...db,
        ingress: [
          { from: [{ ipBlock: { cidr: "0.0.0.0/0", except: ["0.0.0.0/1", "128.0.0.0/1"] } }] },
        ],
      },
    ],
    [
      "a block of the other family",
      { ...db, ingress: [{ from: [{ ipBlock: { cidr: "::/0" } }] }] },
    ],
    [
      "one peer of a list that resolves to nobody",
      {
        ...db,
        ingress: [{ from: [{ podSelector: nobody }, { ipBlock: { cidr: "203.0.113.0/24" } }] }],
      },
    ],
  ])("denies: %s", (_, spec) => {
    expect(whoReachesDb(spec)).toEqual([]);
    expect(path(spec).ask("web", "db", 80).reason).toBe("default-deny");
  });

  it.each([
    ["egress: []", { podSelector: {}, policyTypes: ["Egress"], egress: [] }],
    [
      "a peer that selects nobody",
      { podSelector: {}, policyTypes: ["Egress"], egress: [{ to: [{ podSelector: nobody }] }] },
    ],
    [
      "a name that the peer has not",
      { podSelector: {}, policyTypes: ["Egress"], egress: [{ ports: [{ port: "grpc" }] }] },
    ],
  ])("denies on the way out: %s", (_, spec) => {
    const all = path(spec);
    for (const to of ["db", "bank/web", "192.0.2.1", "10.9.0.1"]) {
      expect(all.ask("web", to, 80)).toEqual({ verdict: "denied", reason: "default-deny" });
    }
  });
});

describe("absent and empty", () => {
  it.each([
    ["from absent", {}],
    ["from: []", { from: [] }],
    ["from null", { from: null }],
    [
      "ports absent",
      {
        from: [{ podSelector: {} }, { namespaceSelector: {} }, { ipBlock: { cidr: "0.0.0.0/0" } }],
      },
    ],
    ["ports: []", { ports: [] }],
  ])("%s means all", (_, rule) => {
    expect(whoReachesDb({ ...db, ingress: [rule] })).toEqual(everybody);
  });

  it("podSelector of the policy: absent and {} both select every pod of the namespace", () => {
    for (const spec of [
      {},
      { podSelector: {} },
      { podSelector: { matchLabels: {} } },
      { podSelector: { matchExpressions: [] } },
    ]) {
      const all = path({ ...spec, policyTypes: ["Ingress"] });
      expect(all.ask("bank/web", "db", 80).verdict).toBe("denied");
      expect(all.ask("bank/web", "web", 80).verdict).toBe("denied");
      expect(all.ask("db", "bank/web", 80).verdict).toBe("allowed");
    }
  });

  it("podSelector of a peer: {} is every pod of the policy's own namespace", () => {
    expect(whoReachesDb({ ...db, ingress: [{ from: [{ podSelector: {} }] }] })).toEqual([
      "shop/web",
    ]);
  });

  it("namespaceSelector of a peer: {} is every pod of every namespace, and nothing outside", () => {
    expect(whoReachesDb({ ...db, ingress: [{ from: [{ namespaceSelector: {} }] }] })).toEqual([
      "shop/web",
      "bank/web",
    ]);
  });

  it("both in one peer must hold; in two peers either is enough", () => {
    const namespaceSelector = { matchLabels: { team: "b" } };
    const podSelector = { matchLabels: { app: "web" } };
    const from = (peers: unknown[]) => ({ ...db, ingress: [{ from: peers }] });
    expect(whoReachesDb(from([{ namespaceSelector, podSelector }]))).toEqual(["bank/web"]);
    expect(whoReachesDb(from([{ namespaceSelector }, { podSelector }]))).toEqual([
      "shop/web",
      "bank/web",
    ]);
  });

  it("except: [] excepts nothing", () => {
    expect(
      whoReachesDb({
        ...db,
        ingress: [{ from: [{ ipBlock: { cidr: "192.0.2.0/24", except: [] } }] }],
      }),
    ).toEqual(["192.0.2.1"]);
  });

  it("a port without a number is every port of its protocol, and TCP where none is named", () => {
    const all = path({ ...db, ingress: [{ ports: [{}] }] });
    expect(all.ask("web", "db", 1).verdict).toBe("allowed");
    expect(all.ask("web", "db", 65_535).verdict).toBe("allowed");
    expect(all.ask("web", "db", 53, "UDP").verdict).toBe("denied");
  });
});

describe("selectors", () => {
  it.each([
    ["In", { key: "tier", operator: "In", values: ["front", "x"] }, ["shop/web"]],
    [
      "NotIn, which a pod without the label matches",
      { key: "tier", operator: "NotIn", values: ["front"] },
      ["bank/web"],
    ],
    ["Exists", { key: "tier", operator: "Exists" }, ["shop/web"]],
    ["DoesNotExist", { key: "tier", operator: "DoesNotExist" }, ["bank/web"]],
  ])("%s", (_, requirement, expected) => {
    const podSelector = { matchExpressions: [requirement] };
    expect(
      whoReachesDb({ ...db, ingress: [{ from: [{ namespaceSelector: {}, podSelector }] }] }),
    ).toEqual(expected);
  });

  it("matchLabels and matchExpressions must all hold", () => {
    const podSelector = {
      matchLabels: { app: "web" },
      matchExpressions: [
        { key: "tier", operator: "Exists" },
        { key: "tier", operator: "NotIn", values: ["back"] },
      ],
    };
    expect(
      whoReachesDb({ ...db, ingress: [{ from: [{ namespaceSelector: {}, podSelector }] }] }),
    ).toEqual(["shop/web"]);
  });
});

describe("policyTypes", () => {
  /** Of web: is it isolated on its way in, on its way out? */
  function isolated(spec: object): string {
    const all = path({ podSelector: { matchLabels: { app: "web" } }, ...spec });
    const closed = (from: string, to: string): boolean =>
      all.ask(from, to, 80).verdict === "denied";
    return [closed("db", "web") ? "in" : "", closed("web", "db") ? "out" : ""].join(" ").trim();
  }

  it.each([
    ["absent and no egress written: Ingress", {}, "in"],
    ["absent and ingress written", { ingress: [] }, "in"],
    ["absent and egress: []: still Ingress only", { egress: [] }, "in"],
    ["absent and an egress rule: both", { egress: [{ to: [{ podSelector: nobody }] }] }, "in out"],
    [
      "empty is like absent",
      { policyTypes: [], egress: [{ to: [{ podSelector: nobody }] }] },
      "in out",
    ],
    ["Ingress", { policyTypes: ["Ingress"] }, "in"],
    ["Egress", { policyTypes: ["Egress"] }, "out"],
    [
      "Egress, with ingress rules that it leaves out",
      { policyTypes: ["Egress"], ingress: [] },
      "out",
    ],
    ["both", { policyTypes: ["Ingress", "Egress"] }, "in out"],
  ])("%s", (_, spec, expected) => {
    expect(isolated(spec)).toBe(expected);
  });
});

describe("connections", () => {
  it("union of policies: what any allows is allowed, whatever the others say", () => {
    const open = { ...db, ingress: [{ from: [{ podSelector: { matchLabels: { app: "web" } } }] }] };
    expect(whoReachesDb({ ...db, policyTypes: ["Ingress"] }, open)).toEqual(["shop/web"]);
    const bank = {
      ...db,
      ingress: [{ from: [{ namespaceSelector: { matchLabels: { team: "b" } } }] }],
    };
    expect(whoReachesDb(open, bank)).toEqual(["shop/web", "bank/web"]);
  });

  it("both ends must allow: egress of the source and ingress of the destination", () => {
    const out = { podSelector: { matchLabels: { app: "web" } }, policyTypes: ["Egress"] };
    expect(whoReachesDb(out)).toEqual(["bank/web", "192.0.2.1"]);
  });

  it("reply traffic belongs to the connection: a destination that may call nobody still answers", () => {
    const mute = { ...db, policyTypes: ["Egress"] };
    const all = path(mute);
    expect(all.ask("web", "db", 80).verdict).toBe("allowed");
    expect(all.ask("db", "web", 8080).verdict).toBe("denied");
  });

  it("a pod always reaches itself, on each of its addresses", () => {
    const all = path({ podSelector: {}, policyTypes: ["Ingress", "Egress"] });
    for (const family of [4, 6] as const) {
      expect(all.ask("web", "web", 80, "TCP", family)).toEqual({
        verdict: "allowed",
        reason: "loopback",
      });
    }
  });

  it("its own node reaches a pod, in both families; another node does not", () => {
    const all = path({ podSelector: {}, policyTypes: ["Ingress", "Egress"] });
    expect(all.ask("10.9.0.1", "web", 8080)).toEqual({ verdict: "allowed", reason: "node" });
    expect(all.ask("fd00:9::1", "web", 8080)).toEqual({ verdict: "allowed", reason: "node" });
    expect(all.ask("10.9.0.2", "web", 8080).verdict).toBe("denied");
    expect(all.ask("10.9.0.1", "db", 80).verdict).toBe("denied");
  });

  it("the other way its node is an address like others", () => {
    const spec = (cidr: string) => ({
      podSelector: {},
      policyTypes: ["Egress"],
      egress: [{ to: [{ ipBlock: { cidr } }] }],
    });
    expect(path(spec("10.0.0.0/24")).ask("web", "10.9.0.1", 10_250).verdict).toBe("denied");
    expect(path(spec("10.9.0.1/32")).ask("web", "10.9.0.1", 10_250).verdict).toBe("allowed");
  });

  it("a host-network pod is its node: nothing isolates it, no selector means it, blocks do", () => {
    const closed = path({ podSelector: {}, policyTypes: ["Ingress", "Egress"] });
    expect(closed.ask("192.0.2.1", "agent", 80).verdict).toBe("allowed");
    expect(closed.ask("agent", "192.0.2.1", 80).verdict).toBe("allowed");
    expect(closed.ask("agent", "db", 80)).toEqual({ verdict: "allowed", reason: "node" });
    const web = {
      podSelector: {},
      ingress: [{ from: [{ podSelector: { matchLabels: { app: "web" } } }] }],
    };
    expect(path(web).ask("agent", "web", 80).verdict).toBe("denied");
    const block = { podSelector: {}, ingress: [{ from: [{ ipBlock: { cidr: "10.9.0.2/32" } }] }] };
    expect(path(block).ask("agent", "web", 80).verdict).toBe("allowed");
  });
});

describe("ports", () => {
  it("ICMP has no ports: a rule with ports never allows it, one without does", () => {
    const ports = path({
      ...db,
      ingress: [{ ports: [{ protocol: "TCP" }, { protocol: "UDP" }, { protocol: "SCTP" }] }],
    });
    expect(ports.ask("web", "db", 0, "ICMP").verdict).toBe("denied");
    expect(ports.ask("web", "db", 0, "ICMPv6", 6).verdict).toBe("denied");
    const peers = path({ ...db, ingress: [{ from: [{ podSelector: {} }] }] });
    expect(peers.ask("web", "db", 0, "ICMP").verdict).toBe("allowed");
    expect(peers.ask("web", "db", 0, "ICMPv6", 6).verdict).toBe("allowed");
    expect(peers.ask("bank/web", "db", 0, "ICMP").verdict).toBe("denied");
  });

  it("named ports resolve on the destination pod, and differ from pod to pod", () => {
    const all = path({ podSelector: {}, ingress: [{ ports: [{ port: "http" }] }] });
    expect(all.ask("db", "web", 8080).verdict).toBe("allowed");
    expect(all.ask("db", "web", 80).verdict).toBe("denied");
    expect(all.ask("web", "db", 80).verdict).toBe("allowed");
    expect(all.ask("web", "db", 8080).verdict).toBe("denied");
  });

  it("one name under two protocols is two ports", () => {
    const all = path({ ...db, ingress: [{ ports: [{ port: "http", protocol: "UDP" }] }] });
    expect(all.ask("web", "db", 53, "UDP").verdict).toBe("allowed");
    expect(all.ask("web", "db", 53, "TCP").verdict).toBe("denied");
    expect(all.ask("web", "db", 80, "TCP").verdict).toBe("denied");
    expect(all.ask("web", "db", 80, "UDP").verdict).toBe("denied");
  });

  it("named ports of egress resolve on the peer, and on nothing outside the cluster", () => {
    const all = path({
      podSelector: {},
      policyTypes: ["Egress"],
      egress: [{ ports: [{ port: "http" }] }],
    });
    expect(all.ask("web", "db", 80).verdict).toBe("allowed");
    expect(all.ask("db", "web", 8080).verdict).toBe("allowed");
    expect(all.ask("db", "web", 80).verdict).toBe("denied");
    expect(all.ask("web", "192.0.2.1", 80).verdict).toBe("denied");
    expect(all.ask("web", "10.9.0.1", 80).verdict).toBe("denied");
  });

  it("ranges hold both ends and nothing beside", () => {
    const all = path({
      ...db,
      ingress: [
        {
          ports: [
            { port: 1000, endPort: 2000 },
            { port: 65_535, endPort: 65_535 },
          ],
        },
      ],
    });
    const open = [999, 1000, 1500, 2000, 2001, 65_534, 65_535].filter(
      (port) => all.ask("web", "db", port).verdict === "allowed",
    );
    expect(open).toEqual([1000, 1500, 2000, 65_535]);
  });

  it("SCTP is a protocol like the others, by number, by name and by range", () => {
    for (const port of [{ port: 3868 }, { port: "sig" }, { port: 3000, endPort: 4000 }, {}]) {
      const all = path({ ...db, ingress: [{ ports: [{ ...port, protocol: "SCTP" }] }] });
      expect(all.ask("web", "db", 3868, "SCTP").verdict).toBe("allowed");
      expect(all.ask("web", "db", 3868, "TCP").verdict).toBe("denied");
    }
    expect(
      path({ ...db, ingress: [{ ports: [{ port: 3868 }] }] }).ask("web", "db", 3868, "SCTP")
        .verdict,
    ).toBe("denied");
  });
});

describe("families", () => {
  it("a dual-stack pod is the same peer on both of its addresses", () => {
    const all = path({ ...db, ingress: [{ from: [{ podSelector: {} }] }] });
    expect(all.ask("web", "db", 80, "TCP", 4).verdict).toBe("allowed");
    expect(all.ask("web", "db", 80, "TCP", 6).verdict).toBe("allowed");
    expect(all.ask("bank/web", "db", 80, "TCP", 6).verdict).toBe("denied");
  });

  it("blocks hold in their own family, pods included, excepts taken out", () => {
    const all = path({
      ...db,
      ingress: [{ from: [{ ipBlock: { cidr: "fd00::/8", except: ["fd00:1::/32"] } }] }],
    });
    expect(all.ask("web", "db", 80, "TCP", 6).verdict).toBe("allowed");
    expect(all.ask("bank/web", "db", 80, "TCP", 6).verdict).toBe("denied");
    expect(all.ask("web", "db", 80, "TCP", 4).verdict).toBe("denied");
  });
});
