import { clusterOf } from "./cluster.ts";
import { readManifests } from "./manifests.ts";
import { namedParty } from "./named-party.ts";

const cluster = clusterOf(
  readManifests(
    `{apiVersion: apps/v1, kind: Deployment, metadata: {name: cart, namespace: shop}, spec: {replicas: 2, selector: {matchLabels: {app: cart}}, template: {metadata: {labels: {app: cart}}, spec: {containers: []}}}}
---
{apiVersion: v1, kind: Pod, metadata: {name: web, namespace: shop}, status: {podIP: 10.0.0.1}}
`,
    "n.yaml",
  ),
);

describe("a party by name", () => {
  it("is an address, a pod, or the first pod of a workload", () => {
    expect(namedParty(cluster, "192.0.2.1")).toEqual({ address: "192.0.2.1" });
    expect(namedParty(cluster, "shop/web")).toMatchObject({ pod: { name: "web" } });
    expect(namedParty(cluster, "shop/cart")).toMatchObject({ pod: { workload: "cart" } });
  });

  it.each(["web", "shop/nobody", "other/web", ""])("is nobody for %j", (text) => {
    expect(namedParty(cluster, text)).toBeUndefined();
  });
});
