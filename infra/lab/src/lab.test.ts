import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, statSync } from "node:fs";
import type { EndpointFile, LabFile, NodeFile } from "@weir/identity";
import { labCounts } from "./lab-counts.ts";
import { labDown } from "./lab-down.ts";
import { labExec } from "./lab-exec.ts";
import { labList } from "./lab-list.ts";
import { labProbe } from "./lab-probe.ts";
import { labUp } from "./lab-up.ts";
import { endpointPath, labPaths, nodePath } from "./run-directory.ts";
import { shopManifests } from "./shop.ts";
import { testLab, tracesOf, whyNoLab } from "./testing/test-lab.ts";
import { hostInterface } from "./wire/wire-pod.ts";

const why = whyNoLab();
const at = testLab("shop");

async function until<T>(question: () => Promise<T>, isEnough: (answer: T) => boolean): Promise<T> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const answer = await question();
    if (isEnough(answer)) return answer;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error("it never came to that");
}

(why === "" ? describe : describe.skip)(`the shop on two nodes${why}`, () => {
  let lab: LabFile;
  let rootEvents = "";

  beforeAll(async () => {
    const monitor = spawn("ip", ["monitor", "link", "address", "route"]);
    monitor.stdout.on("data", (text) => (rootEvents += String(text)));
    const up = await labUp({ ...at, manifests: [shopManifests], nodes: 2, startAfterMs: 600_000 });
    lab = up.lab;
    monitor.kill();
    await once(monitor, "close");
  }, 60_000);

  afterAll(async () => {
    await labDown(at);
  });

  const podOf = (workload: string) => {
    const pod = lab.pods.find((one) => one.workload === workload);
    if (pod === undefined) throw new Error(`no ${workload}`);
    return pod;
  };
  const exec = (pod: string, ...command: string[]) => labExec({ ...at, pod, command });

  it("puts nothing into the root network namespace, not even for a moment", () => {
    const names = lab.pods.map((pod) => hostInterface(pod.namespace, pod.name));
    for (const name of [...names, "node-1", "node-2", "internet"])
      expect(rootEvents).not.toContain(name);
    for (const pod of lab.pods) expect(rootEvents).not.toContain(String(pod.addresses[0]));
  });

  it("spreads the pods over both nodes and gives each two families", () => {
    const nodes = new Set(lab.pods.map((pod) => pod.node));
    expect([...nodes].toSorted()).toEqual([`${at.name}-node-1`, `${at.name}-node-2`]);
    expect(lab.pods.every((pod) => pod.addresses.length === 2)).toBe(true);
    expect(lab.pods.filter((pod) => pod.workload === "frontend")).toHaveLength(2);
  });

  it("leaves the files that a node's collector reads", () => {
    for (const pod of lab.pods) {
      const path = endpointPath(at.runDirectory, pod.node, pod.namespace, pod.name);
      const endpoint = JSON.parse(readFileSync(path, "utf8")) as EndpointFile;
      expect(endpoint).toMatchObject({
        uid: pod.uid,
        addresses: pod.addresses,
        cgroupId: pod.cgroupId,
      });
      expect(endpoint.cgroupId).toBe(statSync(endpoint.cgroup, { bigint: true }).ino.toString());
    }
    for (const node of lab.nodes) {
      const file = JSON.parse(
        readFileSync(nodePath(at.runDirectory, node.name), "utf8"),
      ) as NodeFile;
      expect(file).toEqual({
        node: node.name,
        lab: at.name,
        netns: node.netns,
        addresses: node.addresses,
      });
    }
    const state = JSON.parse(
      readFileSync(labPaths(at.runDirectory, at.name).state, "utf8"),
    ) as LabFile;
    expect(state).toEqual(lab);
    expect(state.phase).toBe("running");
  });

  it("gives each endpoint the interface that its file names", async () => {
    const { node, namespace, name } = podOf("cart");
    const endpoint = JSON.parse(
      readFileSync(endpointPath(at.runDirectory, node, namespace, name), "utf8"),
    ) as EndpointFile;
    const link = await exec("shop/cart", "ip", "-j", "link", "show", "eth0");
    expect((JSON.parse(link.stdout) as { link_index: number }[])[0]?.link_index).toBe(
      endpoint.ifindex,
    );
  });

  it("resolves names as a cluster does", async () => {
    const cart = podOf("cart").addresses;
    for (const name of [
      "cart",
      "cart.shop",
      "cart.shop.svc",
      "cart.shop.svc.cluster.local",
      "CART.",
    ]) {
      const { stdout } = await exec(
        "shop/frontend",
        "getent",
        "ahosts",
        name.replace("CART.", "CART.shop.svc.cluster.local."),
      );
      const found = new Set(stdout.split("\n").flatMap((line) => line.split(/\s+/)[0] || []));
      expect([name, [...found].toSorted()]).toEqual([name, cart.toSorted()]);
    }
    const both = await exec("shop/load-generator", "getent", "ahostsv4", "frontend");
    for (const pod of lab.pods.filter((one) => one.workload === "frontend")) {
      expect(both.stdout).toContain(String(pod.addresses[0]));
    }
    expect((await exec("shop/frontend", "getent", "hosts", "weather.example")).stdout).toContain(
      "2001:db8::10",
    );
    expect((await exec("shop/frontend", "getent", "hosts", "nobody")).code).toBe(2);
  });

  it("runs a command in a pod with the pod's network, names and cgroup, and its exit code", async () => {
    const answer = await exec("shop/frontend", "curl", "-sS", "http://cart:7070/");
    expect(answer.stdout).toBe(`{"pod":"shop/${podOf("cart").name}","failed":[]}\n`);
    expect((await exec("shop/cart", "hostname")).stdout.trim()).toBe(podOf("cart").name);
    expect((await exec("shop/cart", "cat", "/proc/self/cgroup")).stdout).toContain(
      `/weir/${at.name}/${podOf("cart").node}/shop_${podOf("cart").name}`,
    );
    expect((await exec("shop/cart", "sh", "-c", "cat >&2; exit 7")).code).toBe(7);
    await expect(exec("shop/nobody", "true")).rejects.toThrow(/no pod shop\/nobody/);
  });

  it("reaches the internet of the lab through the node, over both families", async () => {
    for (const address of ["198.51.100.10", "[2001:db8::10]"]) {
      const answer = await exec(
        "shop/catalogue",
        "curl",
        "-sS",
        "-m",
        "5",
        `http://${address}:443/`,
      );
      expect(answer.stdout).toContain("internet/weather.example");
    }
  });

  it.each([4, 6] as const)(
    "lets everybody reach every declared port over IPv%d",
    async (family) => {
      const { lines, notes } = await labProbe({ ...at, family });
      const shop = lab.pods.filter((pod) => !pod.system);
      const ports = shop.reduce((sum, pod) => sum + pod.ports.length, 0);
      expect(notes).toEqual([]);
      expect(lines).toHaveLength(shop.length * ports);
      expect(lines.filter((line) => line.verdict !== "allowed")).toEqual([]);
      expect(lines.every((line) => line.milliseconds > 0)).toBe(true);
    },
  );

  it("denies what nobody answers, and says what happened instead", async () => {
    const { lines } = await labProbe({
      ...at,
      from: "shop/frontend",
      to: "shop/database-0",
      ports: [
        { port: 1, protocol: "TCP" },
        { port: 1, protocol: "UDP" },
      ],
    });
    const tcp = lines.find((line) => line.protocol === "TCP");
    expect(tcp).toMatchObject({ verdict: "denied", answer: "ECONNREFUSED", to: "shop/database-0" });
    expect(lines.every((line) => line.verdict === "denied")).toBe(true);
  });

  it("says that SCTP was not probed", async () => {
    const { lines, notes } = await labProbe({ ...at, ports: [{ port: 80, protocol: "SCTP" }] });
    expect(lines).toEqual([]);
    expect(notes).toEqual(["SCTP 80 was not probed: the lab has no SCTP sockets"]);
  });

  it("serves customers without one failed request", async () => {
    const counts = await until(
      () => labCounts(at),
      (all) => (all[`shop/${podOf("load-generator").name}`]?.calls["FRONTEND_ADDR"]?.ok ?? 0) >= 5,
    );
    for (const [pod, { calls, served }] of Object.entries(counts)) {
      for (const [name, count] of Object.entries(calls))
        expect([pod, name, count.failed]).toEqual([pod, name, 0]);
      expect(served.failed).toBe(0);
    }
    expect(counts[`shop/${podOf("payment").name}`]?.served.ok).toBeGreaterThan(0);
    expect(counts[`shop/${podOf("database").name}`]?.served.ok).toBeGreaterThan(0);
  });

  it("notices at the load generator that an inner edge is closed", async () => {
    const generator = `shop/${podOf("load-generator").name}`;
    // A route that swallows what goes from the node to the payment service's pod.
    const { netns } = lab.nodes.find((node) => node.name === podOf("checkout").node) ?? {
      netns: "",
    };
    const payment = podOf("payment").addresses;
    const route = (verb: string) =>
      payment.map((address) =>
        once(
          spawn("nsenter", [
            `--net=${netns}`,
            "ip",
            "route",
            verb,
            "blackhole",
            address,
            "metric",
            "1",
          ]),
          "close",
        ),
      );
    const before = await labCounts(at);
    await Promise.all(route("add"));
    try {
      const failed = before[generator]?.calls["FRONTEND_ADDR"]?.failed ?? 0;
      const after = await until(
        () => labCounts(at),
        (all) => (all[generator]?.calls["FRONTEND_ADDR"]?.failed ?? 0) > failed,
      );
      expect(after[generator]?.calls["FRONTEND_ADDR"]?.lastError).toContain(
        "frontend answered 502",
      );
    } finally {
      await Promise.all(route("delete"));
    }
  });

  it("keeps the intruder quiet until its time has come", async () => {
    const counts = (await labCounts(at))[`shop/${podOf("intruder").name}`];
    expect(counts?.scanned).toEqual({ ok: 0, failed: 0 });
    expect(counts?.calls).toEqual({});
  });

  it("changes nothing when the same is asked for again, and refuses something else", async () => {
    const again = await labUp({ ...at, manifests: [shopManifests], nodes: 2 });
    expect(again.changed).toBe(false);
    expect(again.lab).toEqual(lab);
    await expect(labUp({ ...at, manifests: [shopManifests], nodes: 1 })).rejects.toThrow(
      /other manifests/,
    );
    await expect(
      labUp({ name: at.name, runDirectory: `${at.runDirectory}-b`, manifests: [shopManifests] }),
    ).rejects.toThrow(/knows no lab/);
    expect(existsSync(`${at.runDirectory}-b`)).toBe(false);
    const [listed] = labList(at);
    expect(listed).toMatchObject({ name: at.name, state: "running", manifests: [shopManifests] });
    expect(listed?.pods.map((pod) => pod.name)).toEqual(
      lab.pods.filter((pod) => !pod.system).map((pod) => pod.name),
    );
  });

  it("leaves nothing", async () => {
    expect(tracesOf(at)).not.toEqual([]);
    expect(await labDown(at)).toBe(true);
    expect(tracesOf(at)).toEqual([]);
    expect(await labDown(at)).toBe(false);
  }, 60_000);
});
