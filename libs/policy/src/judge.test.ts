import { clusterOf, podKey } from "./cluster.ts";
import { Judge } from "./judge.ts";
import { readManifests } from "./manifests.ts";
import type { Protocol } from "./protocol.ts";
import type { Tier } from "./tier.ts";
import type { Party } from "./traffic.ts";

const base = `
apiVersion: v1
kind: List
items:
  - {apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {team: a}}}
  - {apiVersion: v1, kind: Node, metadata: {name: n1}, status: {addresses: [{type: InternalIP, address: 10.9.0.1}, {type: Hostname, address: n1}]}}
  - {apiVersion: v1, kind: Node, metadata: {name: n2}, status: {addresses: [{type: InternalIP, address: 10.9.0.2}]}}
  - {apiVersion: v1, kind: Pod, metadata: {name: web, namespace: shop, labels: {app: web}}, spec: {nodeName: n1, containers: [{name: c, ports: [{name: http, containerPort: 8080}]}]}, status: {podIP: 10.0.0.1, podIPs: [{ip: 10.0.0.1}, {ip: "fd00::1"}]}}
  - {apiVersion: v1, kind: Pod, metadata: {name: db, namespace: shop, labels: {app: db}}, spec: {nodeName: n2, containers: [{name: c, ports: [{name: http, containerPort: 80}, {name: http, containerPort: 53, protocol: UDP}]}]}, status: {podIP: 10.0.0.2, podIPs: [{ip: 10.0.0.2}, {ip: "fd00::2"}]}}
  - {apiVersion: v1, kind: Pod, metadata: {name: agent, namespace: shop, labels: {app: web}}, spec: {nodeName: n2, hostNetwork: true}, status: {podIP: 10.9.0.2}}
`;

function asker(spec: string, tiers: Tier[] = []) {
  const policy =
    spec === ""
      ? ""
      : `---\n{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: p, namespace: shop}, spec: ${spec}}\n`;
  const manifests = readManifests(base + policy, "j.yaml");
  expect(manifests.diagnostics).toEqual([]);
  const cluster = clusterOf(manifests);
  const judge = new Judge(cluster, manifests.policies, tiers);
  const party = (name: string): Party => {
    const pod = cluster.pods.find((one) => podKey(one) === `shop/${name}`);
    return pod === undefined ? { address: name } : { pod };
  };
  return (from: string, to: string, port: number, protocol: Protocol = "TCP", family?: 4 | 6) =>
    judge.judge({
      from: party(from),
      to: party(to),
      port,
      protocol,
      ...(family === undefined ? {} : { family }),
    });
}

describe("the judge", () => {
  it("allows everything nobody isolates", () => {
    const verdict = asker("")("web", "db", 5432);
    expect(verdict.verdict).toBe("allowed");
    expect(verdict.ingress.reason).toBe("not-isolated");
  });

  it("lets a pod's own node in, and no other node, whatever the policies", () => {
    const ask = asker("{podSelector: {}, policyTypes: [Ingress, Egress]}");
    expect(ask("10.9.0.1", "web", 80).ingress).toMatchObject({
      verdict: "allowed",
      reason: "node",
    });
    expect(ask("10.9.0.2", "web", 80).ingress).toMatchObject({
      verdict: "denied",
      reason: "default-deny",
    });
    expect(ask("web", "10.9.0.1", 10_250).egress.verdict).toBe("denied");
  });

  it("takes a host-network pod for its node: not isolated, not selected as a peer", () => {
    const ask = asker(
      "{podSelector: {}, ingress: [{from: [{podSelector: {matchLabels: {app: web}}}]}]}",
    );
    expect(ask("web", "agent", 80).ingress.reason).toBe("outside");
    expect(ask("agent", "web", 80).ingress.verdict).toBe("denied");
    expect(ask("agent", "db", 80).ingress.reason).toBe("node");
    expect(ask("web", "db", 80).ingress.verdict).toBe("allowed");
  });

  it("always lets a pod reach itself", () => {
    const ask = asker("{podSelector: {}, policyTypes: [Ingress, Egress]}");
    expect(ask("web", "web", 80)).toMatchObject({
      verdict: "allowed",
      ingress: { reason: "loopback" },
    });
  });

  it("resolves named ports on the destination pod, each protocol by itself", () => {
    const ask = asker(
      "{podSelector: {}, ingress: [{ports: [{port: http}, {port: http, protocol: UDP}]}]}",
    );
    expect(ask("db", "web", 8080).verdict).toBe("allowed");
    expect(ask("db", "web", 80).verdict).toBe("denied");
    expect(ask("web", "db", 80).verdict).toBe("allowed");
    expect(ask("web", "db", 53, "UDP").verdict).toBe("allowed");
    expect(ask("web", "db", 53).verdict).toBe("denied");
    expect(ask("web", "db", 80, "UDP").verdict).toBe("denied");
  });

  it("resolves named ports of egress on the peer, and on nothing outside", () => {
    const ask = asker(
      "{podSelector: {}, policyTypes: [Egress], egress: [{ports: [{port: http}]}]}",
    );
    expect(ask("web", "db", 80).egress.verdict).toBe("allowed");
    expect(ask("db", "web", 80).egress.verdict).toBe("denied");
    expect(ask("web", "192.0.2.1", 80).egress.verdict).toBe("denied");
  });

  it("compares blocks with pod addresses, family by family", () => {
    const ask = asker(
      "{podSelector: {matchLabels: {app: db}}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/24, except: [10.0.0.7/32]}}]}]}",
    );
    expect(ask("web", "db", 80, "TCP", 4).verdict).toBe("allowed");
    expect(ask("web", "db", 80, "TCP", 6).verdict).toBe("denied");
    expect(ask("10.0.0.7", "db", 80).verdict).toBe("denied");
    expect(ask("10.0.0.8", "db", 80).verdict).toBe("allowed");
    const six = asker(
      "{podSelector: {matchLabels: {app: db}}, ingress: [{from: [{ipBlock: {cidr: '::/0'}}]}]}",
    );
    expect(six("web", "db", 80, "TCP", 4).verdict).toBe("denied");
    expect(six("web", "db", 80, "TCP", 6).verdict).toBe("allowed");
  });

  it("lets ICMP through only where a rule names no ports", () => {
    const ports = asker(
      "{podSelector: {}, ingress: [{from: [{podSelector: {}}], ports: [{port: 80}, {protocol: UDP}]}]}",
    );
    expect(ports("web", "db", 0, "ICMP").verdict).toBe("denied");
    const all = asker("{podSelector: {}, ingress: [{from: [{podSelector: {}}]}]}");
    expect(all("web", "db", 0, "ICMP").verdict).toBe("allowed");
    expect(all("192.0.2.1", "db", 0, "ICMP").verdict).toBe("denied");
  });

  it("denies where peers resolve to nobody", () => {
    const ask = asker(
      "{podSelector: {}, ingress: [{from: [{podSelector: {matchLabels: {app: nobody}}}]}]}",
    );
    expect(ask("web", "db", 80).ingress).toMatchObject({
      verdict: "denied",
      isolating: [{ namespace: "shop", name: "p" }],
    });
  });

  it("selects a namespace by the label that every namespace has", () => {
    const ask = asker(
      "{podSelector: {matchLabels: {app: db}}, ingress: [{from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: shop}}}]}]}",
    );
    expect(ask("web", "db", 80).verdict).toBe("allowed");
  });

  it("lets a pod without the label match NotIn, and not In", () => {
    const select = (operator: string) =>
      `{podSelector: {matchLabels: {app: db}}, ingress: [{from: [{podSelector: {matchExpressions: [{key: zone, operator: ${operator}, values: [x]}]}}]}]}`;
    expect(asker(select("NotIn"))("web", "db", 80).verdict).toBe("allowed");
    expect(asker(select("In"))("web", "db", 80).verdict).toBe("denied");
  });

  it("asks tiers above v1 first, and goes on where they pass", () => {
    const admin: Tier = {
      name: "admin",
      judge: ({ port }) => ({
        action: port === 22 ? "deny" : port === 443 ? "allow" : "pass",
        rules: [{ namespace: "", name: "admin", side: "ingress", index: 0 }],
        isolating: [],
      }),
    };
    const ask = asker("{podSelector: {}, policyTypes: [Ingress]}", [admin]);
    expect(ask("web", "db", 443).ingress).toMatchObject({ verdict: "allowed", tier: "admin" });
    expect(ask("web", "db", 80).ingress).toMatchObject({
      verdict: "denied",
      tier: "NetworkPolicy",
    });
    expect(asker("", [admin])("web", "db", 22).ingress).toMatchObject({
      verdict: "denied",
      reason: "policy",
      tier: "admin",
    });
  });

  it("refuses a text that is no address", () => {
    expect(() => asker("")("nobody", "db", 80)).toThrow(RangeError);
  });
});
