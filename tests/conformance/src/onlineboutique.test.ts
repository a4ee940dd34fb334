import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { clusterOf, readManifests } from "@weir/policy";
import { directory } from "./data.ts";

const path = join(directory, "onlineboutique/kubernetes-manifests.yaml");
const itWithData = existsSync(path) ? it : it.skip;

describe("Online Boutique's manifests (needs ../shared/conformance)", () => {
  itWithData("are read without a word, every workload and the calls it declares", () => {
    const manifests = readManifests(readFileSync(path, "utf8"), path);
    expect(manifests.diagnostics).toEqual([]);
    expect(manifests.workloads).toHaveLength(12);
    expect(manifests.services.length).toBeGreaterThan(0);
    expect(manifests.ignored.every(({ kind }) => kind === "ServiceAccount")).toBe(true);
    const frontend = manifests.workloads.find((one) => one.name === "frontend");
    const env = frontend?.template.containers.flatMap((container) => container.env) ?? [];
    expect(env.filter(({ name }) => name.endsWith("_ADDR")).length).toBeGreaterThan(5);
    const cluster = clusterOf(manifests);
    expect(cluster.pods).toHaveLength(12);
    expect(new Set(cluster.pods.map((pod) => pod.name)).size).toBe(12);
  });
});
