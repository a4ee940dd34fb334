import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { hostname, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { formatAddress } from "@weir/codec";
import { hostListeners } from "./host-listeners.ts";
import { hostSource } from "./host-source.ts";
import type { LabFile } from "./lab-file.ts";
import type { WorkloadListener, WorkloadSnapshot } from "./source.ts";
import { watchLabs } from "./watch-labs.ts";
import { watchManifests } from "./watch-manifests.ts";
import { watchRunDirectory } from "./watch-run-directory.ts";
import type { RunState } from "./watch-run-directory.ts";

let run: string;
beforeEach(() => {
  run = mkdtempSync(join(tmpdir(), "weir-identity-"));
});
afterEach(() => rmSync(run, { recursive: true, force: true }));

function put(path: string, content: unknown): void {
  const full = join(run, path);
  mkdirSync(dirname(full), { recursive: true });
  const text = typeof content === "string" ? content : JSON.stringify(content);
  writeFileSync(`${full}.tmp`, text);
  renameSync(`${full}.tmp`, full);
}

/** Keeps the newest snapshot, and lets a test wait until one is as it should be. */
function listening(): WorkloadListener & {
  errors: string[];
  until(wanted: (snapshot: WorkloadSnapshot) => boolean): Promise<WorkloadSnapshot>;
} {
  let newest: WorkloadSnapshot | undefined;
  let check = (): void => {};
  const errors: string[] = [];
  return {
    errors,
    onSnapshot(_source, snapshot) {
      newest = snapshot;
      check();
    },
    onError: (_source, error, where) => void errors.push(`${where}: ${error.message}`),
    until: (wanted) =>
      new Promise((resolve) => {
        check = () => {
          if (newest && wanted(newest)) resolve(newest);
        };
        check();
      }),
  };
}

const names = (snapshot: WorkloadSnapshot): string =>
  snapshot.workloads
    .map((one) => `${one.kind}:${one.namespace}/${one.name}`)
    .sort()
    .join(" ");

const lab: LabFile = {
  lab: "shop",
  phase: "running",
  started: "2026-01-01T00:00:00.000Z",
  manifests: [],
  fingerprint: "",
  block: 0,
  nodes: [{ name: "shop-node-1", addresses: ["10.64.0.1", "fd77::1"], netns: "/run/netns/x" }],
  namespaces: [{ name: "shop", labels: { team: "a" } }],
  pods: [
    {
      namespace: "shop",
      name: "cart-7",
      uid: "u1",
      node: "shop-node-1",
      addresses: ["10.64.1.5"],
      labels: { app: "cart" },
      workload: "cart",
      workloadKind: "Deployment",
      ports: [{ name: "http", port: 8080, protocol: "TCP" }],
      hostNetwork: false,
      created: "2026-01-01T00:00:01.250Z",
      netns: "",
      cgroup: "",
      cgroupId: "1",
      system: false,
    },
  ],
  services: [],
  external: [{ name: "api.pay.example", addresses: ["198.51.100.7"] }],
};

describe("the labs of a machine", () => {
  it("become workloads while their file is there", async () => {
    const heard = listening();
    const source = watchLabs(run, heard, { rescanMs: 50 });
    try {
      await source.ready;
      await heard.until((snapshot) => snapshot.workloads.length === 0);
      put("labs/shop.json", lab);
      const snapshot = await heard.until((one) => one.workloads.length === 2);
      // The name beyond the cluster is for who asks the DNS server.
      expect(names(snapshot)).toBe("node:/shop-node-1 pod:shop/cart-7");
      expect(snapshot.workloads.find((one) => one.kind === "pod")).toMatchObject({
        workload: "cart",
        since: Date.parse("2026-01-01T00:00:01.250Z") * 1000,
        namespace_labels: { team: "a" },
        ports: [{ name: "http", port: 8080, protocol: 6 }],
      });
      rmSync(join(run, "labs/shop.json"));
      await heard.until((one) => one.workloads.length === 0);
    } finally {
      await source.close();
    }
  });

  it("stay what they were while their file is half written", async () => {
    put("labs/shop.json", lab);
    const heard = listening();
    const source = watchLabs(run, heard, { rescanMs: 30 });
    try {
      await heard.until((one) => one.workloads.length === 2);
      writeFileSync(join(run, "labs/shop.json"), '{"lab": "shop", "pods": [');
      while (heard.errors.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
      expect(heard.errors[0]).toContain("labs/shop.json");
      put("labs/shop.json", { ...lab, pods: [] });
      const snapshot = await heard.until((one) => one.workloads.length < 2);
      expect(snapshot.workloads.length).toBe(1);
    } finally {
      await source.close();
    }
  });

  it("prove nothing by absence while a file has never been readable", async () => {
    put("labs/shop.json", "{");
    const heard = listening();
    const source = watchLabs(run, heard);
    try {
      expect((await heard.until(() => true)).complete).toBe(false);
    } finally {
      await source.close();
    }
  });
});

const manifest = `
apiVersion: v1
kind: Namespace
metadata: {name: web, labels: {tier: front}}
---
apiVersion: v1
kind: Pod
metadata:
  name: ui-5d8f-x2
  namespace: web
  labels: {app: ui}
spec:
  nodeName: n1
  containers: [{name: c, image: i, ports: [{containerPort: 80, name: http}]}]
status: {podIP: 10.9.0.4, podIPs: [{ip: 10.9.0.4}, {ip: "fd00::4"}]}
---
apiVersion: v1
kind: Service
metadata: {name: ui, namespace: web}
spec: {clusterIP: 10.96.0.10, selector: {app: ui}, ports: [{port: 80}]}
`;

describe("manifests in a folder", () => {
  it("become workloads, the folders below included, and follow changes", async () => {
    put("m/inner/web.yaml", manifest);
    const heard = listening();
    const source = watchManifests(join(run, "m"), heard, { rescanMs: 50 });
    try {
      const snapshot = await heard.until((one) => one.workloads.length === 2);
      expect(names(snapshot)).toBe("pod:web/ui-5d8f-x2 service:web/ui");
      const pod = snapshot.workloads.find((one) => one.kind === "pod");
      expect(pod?.addresses.map((address) => formatAddress(address))).toEqual([
        "10.9.0.4",
        "fd00::4",
      ]);
      expect(pod?.namespace_labels).toEqual({
        tier: "front",
        "kubernetes.io/metadata.name": "web",
      });
      put("m/second.yaml", manifest.replaceAll("10.9.0.4", "10.9.0.5").replaceAll("x2", "x3"));
      await heard.until((one) => one.workloads.some(({ name }) => name === "ui-5d8f-x3"));
    } finally {
      await source.close();
    }
  });

  it("say file and line of an error, and go on with the rest", async () => {
    put("m/a.yaml", manifest);
    put("m/b.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: 7}\n");
    const heard = listening();
    const source = watchManifests(join(run, "m"), heard);
    try {
      const snapshot = await heard.until((one) => one.workloads.length === 2);
      expect(snapshot.complete).toBe(false);
      expect(heard.errors[0]).toMatch(/b\.yaml:\d+:\d+: error: /);
    } finally {
      await source.close();
    }
  });
});

describe("a manifests folder that is not there", () => {
  it("is said, proves nothing by absence, and is read when it comes", async () => {
    const heard = listening();
    const source = watchManifests(join(run, "m"), heard, { rescanMs: 20 });
    try {
      expect((await heard.until(() => true)).complete).toBe(false);
      expect(heard.errors).toEqual([`${join(run, "m")}: there is no such file or folder`]);
      put("m/a.yaml", manifest);
      expect((await heard.until((one) => one.workloads.length === 2)).complete).toBe(true);
    } finally {
      await source.close();
    }
  });

  it("may be a single file", async () => {
    put("one.yaml", manifest);
    put("other.yaml", manifest.replaceAll("ui", "xx"));
    const heard = listening();
    const source = watchManifests(join(run, "one.yaml"), heard);
    try {
      expect(names(await heard.until(() => true))).toBe("pod:web/ui-5d8f-x2 service:web/ui");
    } finally {
      await source.close();
    }
  });
});

describe("the run directory", () => {
  it("tells a node's endpoints as they come and go", async () => {
    const states: RunState[] = [];
    const watch = watchRunDirectory(
      run,
      { onState: (state) => void states.push(state), onError: () => {} },
      { rescanMs: 20 },
    );
    const until = async (wanted: (state: RunState) => boolean): Promise<RunState> => {
      for (;;) {
        const newest = states.at(-1);
        if (newest && wanted(newest)) return newest;
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    };
    const endpoint = {
      node: "n1",
      namespace: "shop",
      pod: "cart",
      addresses: ["10.0.0.1"],
      interface: "v0",
      netns: "/x",
    };
    try {
      await watch.ready;
      put("nodes/n1.json", { node: "n1", addresses: ["10.0.0.9"] });
      put("endpoints/n1/shop_cart.json", endpoint);
      put("endpoints/n2/shop_web.json", { ...endpoint, node: "n2", pod: "web" });
      const state = await until((one) => one.nodes.length === 1 && one.endpoints.length === 2);
      expect(state.endpoints.map(({ pod }) => pod).sort()).toEqual(["cart", "web"]);
      rmSync(join(run, "endpoints"), { recursive: true });
      await until((one) => one.endpoints.length === 0);
      put("endpoints/n1/shop_cart.json", endpoint);
      await until((one) => one.endpoints.length === 1);
    } finally {
      await watch.close();
    }
  });
});

describe("this host", () => {
  it("knows its own addresses and who listens on its ports", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const heard = listening();
    const source = hostSource(heard);
    try {
      const [host] = (await heard.until(() => true)).workloads;
      expect(host).toMatchObject({ kind: "host", name: hostname(), until: null });
      expect(host?.addresses.map((address) => formatAddress(address))).not.toContain("127.0.0.1");
      const ports = await hostListeners();
      const own = ports.find((one) => one.port === port);
      expect(own?.protocol).toBe(6);
      expect(own?.name).not.toBe("");
    } finally {
      await source.close();
      server.close();
    }
  });
});
