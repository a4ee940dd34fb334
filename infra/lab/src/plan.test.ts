import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readPlan } from "./plan.ts";
import { shopManifests } from "./shop.ts";

describe("readPlan", () => {
  const folder = mkdtempSync(join(tmpdir(), "lab-plan-"));
  const emptyFolder = join(folder, "empty");
  mkdirSync(emptyFolder);
  afterAll(() => rmSync(folder, { recursive: true }));
  const file = (name: string, text: string) => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const pod = (name: string, more = "") => `---
apiVersion: v1
kind: Pod
metadata: { name: ${name}, namespace: x }
spec: { containers: [{ name: c, image: x }] }
${more}
`;

  it("makes the shop's replicas, its namespaces, and the DNS server that it does not bring", () => {
    const plan = readPlan("l", [shopManifests], 2);
    const workloads = plan.pods.map((one) => one.workload).toSorted();
    expect(workloads).toEqual([
      "cart",
      "catalogue",
      "checkout",
      "database",
      "frontend",
      "frontend",
      "intruder",
      "kube-dns",
      "load-generator",
      "payment",
    ]);
    expect(plan.pods.filter((one) => one.system).map((one) => one.workload)).toEqual(["kube-dns"]);
    expect(plan.namespaces).toContainEqual({
      name: "shop",
      labels: { team: "storefront", "kubernetes.io/metadata.name": "shop" },
    });
    expect(plan.notes).toEqual([]);
  });

  it("has the same fingerprint for the same wish only", () => {
    const one = readPlan("l", [shopManifests], 2).fingerprint;
    expect(readPlan("l", [shopManifests], 2).fingerprint).toBe(one);
    expect(readPlan("l", [shopManifests], 1).fingerprint).not.toBe(one);
    expect(readPlan("l", [shopManifests, file("p.yaml", pod("p"))], 2).fingerprint).not.toBe(one);
  });

  it.each([
    ["nothing", [], /name at least one manifest/],
    ["a file that is not there", ["/nowhere.yaml"], /no such file/],
    ["an empty folder", [emptyFolder], /no \*\.yaml/],
  ])("refuses %s", (_what, paths, message) => {
    expect(() => readPlan("l", paths, 1)).toThrow(message);
  });

  it("refuses what cannot be, naming file and pod", () => {
    const plan = (name: string, text: string) => () => readPlan("l", [file(name, text)], 1);
    expect(plan("twice.yaml", pod("p") + pod("p"))).toThrow(/pod x\/p is there twice/);
    const status = "status: { podIP: 10.1.1.1 }";
    expect(plan("ip.yaml", pod("p", status) + pod("q", status))).toThrow(
      /10\.1\.1\.1 is asked for by x\/p and x\/q/,
    );
    expect(plan("bad.yaml", "apiVersion: v1\nkind: Pod\nmetadata: [")).toThrow(
      /bad\.yaml:\d+:\d+: error/,
    );
    const many = `apiVersion: apps/v1
kind: ReplicaSet
metadata: { name: many }
spec: { replicas: 300, selector: { matchLabels: { a: b } }, template: { metadata: { labels: { a: b } }, spec: { containers: [{ name: c, image: x }] } } }
`;
    expect(plan("many.yaml", many)).toThrow(/more than a lab takes/);
  });

  it("uses the DNS pods that the manifests bring", () => {
    const own = `apiVersion: v1
kind: Pod
metadata: { name: mine, namespace: kube-system, labels: { k8s-app: kube-dns } }
spec: { containers: [{ name: c, image: x }] }
`;
    expect(readPlan("l", [file("dns.yaml", own)], 1).pods.map((one) => one.name)).toEqual(["mine"]);
  });
});
