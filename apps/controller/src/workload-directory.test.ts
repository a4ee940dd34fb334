import { describe, expect, it } from "@jest/globals";
import { parseAddress } from "@weir/codec";
import type { Workload } from "@weir/codec";
import { workloadKey } from "@weir/identity";
import { WorkloadDirectory } from "./workload-directory.ts";

function pod(name: string, since: number, more: Partial<Workload> = {}): Workload {
  return {
    kind: "pod",
    namespace: "shop",
    name,
    uid: "u",
    workload: name,
    workload_kind: "Deployment",
    node: "n1",
    addresses: [parseAddress("10.0.0.1")],
    labels: { app: name },
    namespace_labels: {},
    host_network: false,
    ports: [],
    since,
    until: null,
    ...more,
  };
}

const KEEP_MS = 1;

/** Publishes the changes at once, as the controller does after a successful send. */
function publish(directory: WorkloadDirectory, nowUs: number): string[] {
  return directory.changes(nowUs).map(({ key, workload }) => {
    directory.recordPublished(key, workload);
    if (!workload) return `delete ${key}`;
    return `${workload.until === null ? "put" : `end@${workload.until}`} ${workload.name}`;
  });
}

describe("the directory of workloads", () => {
  it("publishes what is new or changed, once", () => {
    const directory = new WorkloadDirectory(["labs"], KEEP_MS);
    directory.snapshot("labs", { workloads: [pod("cart", 5), pod("web", 6)], complete: true });
    expect(publish(directory, 10)).toEqual(["put cart", "put web"]);
    expect(publish(directory, 11)).toEqual([]);
    directory.snapshot("labs", {
      workloads: [pod("cart", 9, { labels: { app: "x" } }), pod("web", 9)],
      complete: true,
    });
    expect(publish(directory, 12)).toEqual(["put cart"]);
    expect(directory.current().find(({ name }) => name === "cart")?.since).toBe(5);
  });

  it("ends what vanished, keeps the end for a while, then removes it", () => {
    const directory = new WorkloadDirectory(["labs"], KEEP_MS);
    directory.snapshot("labs", { workloads: [pod("cart", 5)], complete: true });
    publish(directory, 10);
    directory.snapshot("labs", { workloads: [], complete: true });
    expect(publish(directory, 20)).toEqual(["end@20 cart"]);
    expect(publish(directory, 500)).toEqual([]);
    expect(publish(directory, 1021)).toEqual(["delete pod/shop/cart/u"]);
    expect([directory.size, directory.current()]).toEqual([0, []]);
  });

  it("ends what vanished while the controller was away, when every source has spoken", () => {
    const directory = new WorkloadDirectory(["labs", "manifests"], KEEP_MS);
    for (const one of [pod("cart", 5), pod("web", 5)])
      directory.recordPublished(workloadKey(one), one);
    directory.snapshot("labs", { workloads: [pod("cart", 5)], complete: true });
    expect(publish(directory, 10)).toEqual([]);
    directory.snapshot("manifests", { workloads: [], complete: false });
    expect(publish(directory, 11)).toEqual([]);
    directory.snapshot("manifests", { workloads: [], complete: true });
    expect(publish(directory, 12)).toEqual(["end@12 web"]);
  });

  it("takes a workload that comes back under its key for the one it was", () => {
    const directory = new WorkloadDirectory(["manifests"], KEEP_MS);
    const cart = pod("cart", 5, { until: 20 });
    directory.recordPublished(workloadKey(cart), cart);
    directory.snapshot("manifests", { workloads: [pod("cart", 25)], complete: true });
    expect(publish(directory, 30)).toEqual(["put cart"]);
    expect(directory.current()[0]).toMatchObject({ since: 5, until: null });
  });

  it("believes the source that is listed first", () => {
    const directory = new WorkloadDirectory(["labs", "manifests"], KEEP_MS);
    directory.snapshot("manifests", { workloads: [pod("cart", 5, { node: "m" })], complete: true });
    directory.snapshot("labs", { workloads: [pod("cart", 5, { node: "l" })], complete: true });
    publish(directory, 10);
    expect(directory.current()[0]?.node).toBe("l");
  });
});
