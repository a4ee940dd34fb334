import { expandWorkload } from "./expand.ts";
import { readManifests } from "./manifests.ts";

function workload(kind: string, spec = "", apiVersion = "apps/v1") {
  const text = `apiVersion: ${apiVersion}
kind: ${kind}
metadata: {name: cart, namespace: shop}
spec:
  ${spec}
  selector: {matchLabels: {app: cart}}
  template:
    metadata: {labels: {app: cart}}
    spec: {containers: [{name: c, ports: [{containerPort: 80}]}]}
`;
  const { workloads, diagnostics } = readManifests(text, "w.yaml");
  expect(diagnostics).toEqual([]);
  return workloads[0]!;
}

describe("the pods of a workload", () => {
  it("are a Deployment's replicas, with the names and labels of its controller", () => {
    const pods = expandWorkload(workload("Deployment", "replicas: 3"));
    expect(pods).toHaveLength(3);
    expect(new Set(pods.map((pod) => pod.name)).size).toBe(3);
    for (const pod of pods) {
      expect(pod.name).toMatch(/^cart-[a-z0-9]{9}-[a-z0-9]{5}$/);
      expect(pod.labels).toEqual({ app: "cart", "pod-template-hash": pod.name.split("-")[1] });
      expect(pod).toMatchObject({
        namespace: "shop",
        workload: "cart",
        workloadKind: "Deployment",
        addresses: [],
      });
    }
    expect(expandWorkload(workload("Deployment", "replicas: 3"))).toEqual(pods);
  });

  it("are numbered in a StatefulSet, one per node in a DaemonSet, none where replicas are 0", () => {
    expect(expandWorkload(workload("StatefulSet", "replicas: 2")).map((pod) => pod.name)).toEqual([
      "cart-0",
      "cart-1",
    ]);
    const daemons = expandWorkload(workload("DaemonSet"), ["n1", "n2"]);
    expect(daemons.map((pod) => pod.node)).toEqual(["n1", "n2"]);
    expect(expandWorkload(workload("Deployment", "replicas: 0"))).toEqual([]);
    expect(
      expandWorkload(workload("Job", "parallelism: 2", "batch/v1"))[0]?.labels["job-name"],
    ).toBe("cart");
  });
});
