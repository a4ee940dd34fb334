import { readManifests } from "./manifests.ts";

const pod = (references: string, labels = "{app: cart, pod-template-hash: 7c9d5}"): string =>
  `apiVersion: v1
kind: Pod
metadata: {name: cart-7c9d5-x2lqp, labels: ${labels}, ownerReferences: ${references}}
spec: {containers: [{name: c, image: i}]}
`;
const owner = (kind: string, name: string, controller = true): string =>
  `{apiVersion: apps/v1, kind: ${kind}, name: ${name}, uid: u, controller: ${controller}}`;

describe("the workload of a pod", () => {
  const own = ["cart-7c9d5-x2lqp", "Pod"];
  it.each([
    [
      "a Deployment, over its ReplicaSet",
      `[${owner("ReplicaSet", "cart-7c9d5")}]`,
      ["cart", "Deployment"],
    ],
    ["a ReplicaSet of its own", `[${owner("ReplicaSet", "cart")}]`, ["cart", "ReplicaSet"]],
    ["a StatefulSet", `[${owner("StatefulSet", "cart")}]`, ["cart", "StatefulSet"]],
    ["a CronJob, over its Job", `[${owner("Job", "backup-29831040")}]`, ["backup", "CronJob"]],
    ["a Job with a date", `[${owner("Job", "backup-20260301")}]`, ["backup-20260301", "Job"]],
    ["what weir does not know", `[${owner("Rollout", "cart")}]`, ["cart", "Rollout"]],
    [
      "its controller, not who else holds it",
      `[${owner("Config", "x", false)}, ${owner("DaemonSet", "cart")}]`,
      ["cart", "DaemonSet"],
    ],
    ["itself: nobody controls it", `[${owner("Config", "x", false)}]`, own],
    ["itself: it is static", `[${owner("Node", "n1")}]`, own],
    ["itself", "[]", own],
  ])("is %s", (_, references, expected) => {
    const { pods, diagnostics } = readManifests(pod(references), "pod.yaml");
    expect(diagnostics).toEqual([]);
    expect([pods[0]?.workload, pods[0]?.workloadKind]).toEqual(expected);
  });

  it("is not cut off its ReplicaSet's name by a hash that is not there", () => {
    const { pods } = readManifests(pod(`[${owner("ReplicaSet", "cart-7c9d5")}]`, "{}"), "pod.yaml");
    expect([pods[0]?.workload, pods[0]?.workloadKind]).toEqual(["cart-7c9d5", "ReplicaSet"]);
  });

  it("is asked for as a list of objects with texts", () => {
    for (const wrong of ["x", "[1]", "[{kind: 7, name: a, controller: true}]"])
      expect(readManifests(pod(wrong), "pod.yaml").diagnostics[0]?.severity).toBe("error");
  });
});
