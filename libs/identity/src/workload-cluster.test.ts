import { describe, expect, it } from "@jest/globals";
import { parseAddress } from "@weir/codec";
import type { Workload } from "@weir/codec";
import { workloadCluster } from "./workload-cluster.ts";

function pod(name: string, more: Partial<Workload>): Workload {
  return {
    kind: "pod",
    namespace: "shop",
    name,
    uid: "u",
    workload: name,
    workload_kind: "StatefulSet",
    node: "n1",
    addresses: [],
    labels: {},
    namespace_labels: { team: "a" },
    host_network: false,
    ports: [],
    since: 1,
    until: null,
    ...more,
  };
}

describe("the cluster of the workloads table", () => {
  it("has the living pods and nodes, and of two instances the newer one", () => {
    const cluster = workloadCluster([
      pod("db-0", { uid: "new", since: 9, addresses: [parseAddress("10.0.0.2")] }),
      pod("db-0", { uid: "old", since: 5, addresses: [parseAddress("10.0.0.1")] }),
      pod("gone-0", { until: 8 }),
      pod("a-0", {
        ports: [
          { name: "dns", port: 53, protocol: 17 },
          { name: "odd", port: 1, protocol: 47 },
        ],
      }),
      pod("n1", { kind: "node", namespace: "", addresses: [parseAddress("fd00::1")] }),
      pod("svc", { kind: "service" }),
    ]);
    expect(cluster.pods.map(({ name, addresses }) => [name, addresses])).toEqual([
      ["a-0", []],
      ["db-0", ["10.0.0.2"]],
    ]);
    expect(cluster.pods[0]?.ports).toEqual([{ name: "dns", port: 53, protocol: "UDP" }]);
    expect(cluster.namespaces).toEqual({ shop: { team: "a" } });
    expect(cluster.nodes).toEqual([{ name: "n1", addresses: ["fd00::1"] }]);
  });
});
