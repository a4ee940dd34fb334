import { clusterOf } from "./cluster.ts";
import { readManifests } from "./manifests.ts";
import type { ObservedEdge, ObservedEnd } from "./observed-edge.ts";
import { replay } from "./replay.ts";

const manifests = readManifests(
  `{apiVersion: v1, kind: Pod, metadata: {name: web, namespace: shop, labels: {app: web}}, status: {podIP: 10.0.0.1}}
---
{apiVersion: v1, kind: Pod, metadata: {name: db, namespace: shop, labels: {app: db}}, status: {podIP: 10.0.0.2}}
---
{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: db, namespace: shop}, spec: {podSelector: {matchLabels: {app: db}}, ingress: [{from: [{podSelector: {matchLabels: {app: web}}}], ports: [{port: 5432}]}]}}
`,
  "r.yaml",
);
const cluster = clusterOf(manifests);

function pod(workload: string): ObservedEnd {
  return { kind: "pod", namespace: "shop", workload, name: "", address: "" };
}

function edge(
  from: ObservedEnd,
  to: ObservedEnd,
  port: number,
  denied = 0,
  protocol = "TCP",
): ObservedEdge {
  return {
    direction: "ingress",
    source: from,
    destination: to,
    port,
    protocol,
    connections: 5,
    answered: 5 - denied,
    refused: 0,
    denied,
    guessed: 0,
    bytes: 0,
    replyBytes: 0,
    first: 1,
    last: 2,
  };
}

describe("replay", () => {
  it("says what would change of what was recorded", () => {
    const edges = [
      edge(pod("web"), pod("db"), 5432),
      edge(pod("web"), pod("db"), 22),
      edge(pod("db"), pod("web"), 80, 5),
      edge(pod("gone"), pod("db"), 5432),
      edge(pod("web"), pod("db"), 0, 0, "GRE"),
    ];
    const candidate = manifests.policies;
    const result = replay({ observed: edges, cluster, inForce: [], candidate });
    expect(result).toMatchObject({ connections: 25, unchanged: 5, unjudged: 10 });
    expect(result.newlyDenied).toEqual([
      {
        from: "shop/web",
        to: "shop/db",
        port: 22,
        protocol: "TCP",
        connections: 5,
        first: 1,
        last: 2,
      },
    ]);
    expect(result.newlyAllowed).toMatchObject([{ from: "shop/db", to: "shop/web", port: 80 }]);
  });

  it("compares the policies in force with what the kernel did", () => {
    const edges = [
      edge(pod("web"), pod("db"), 22, 5),
      edge(pod("web"), pod("db"), 23),
      edge(pod("web"), pod("db"), 24, 2),
    ];
    const { policies } = manifests;
    const question = { observed: edges, cluster, inForce: policies, candidate: policies };
    expect(replay(question).inForce).toEqual({ rows: 2, disagreements: 1 });
    const since = { ...question, observedInForce: edges.slice(0, 1) };
    expect(replay(since)).toMatchObject({
      connections: 15,
      inForce: { rows: 1, disagreements: 0 },
    });
  });
});
