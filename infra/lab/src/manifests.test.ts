import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { LabFile } from "@weir/identity";
import { processesOf } from "./cgroup.ts";
import { relabel } from "./change-labels.ts";
import { addPods, removePods } from "./change-pods.ts";
import { labCounts } from "./lab-counts.ts";
import { labDown } from "./lab-down.ts";
import { labExec } from "./lab-exec.ts";
import { labProbe } from "./lab-probe.ts";
import { labUp } from "./lab-up.ts";
import { endpointPath, readLab } from "./run-directory.ts";
import type { WorkloadCounts } from "./workload/counts.ts";
import { testLab, tracesOf, whyNoLab } from "./testing/test-lab.ts";

const why = whyNoLab();
const boutique = fileURLToPath(
  new URL(
    "../../../../shared/conformance/onlineboutique/kubernetes-manifests.yaml",
    import.meta.url,
  ),
);
const whyNoBoutique = why || (existsSync(boutique) ? "" : ` (skipped: ${boutique} is not there)`);

(whyNoBoutique === "" ? describe : describe.skip)(`Online Boutique${whyNoBoutique}`, () => {
  const at = testLab("ob");
  afterAll(async () => {
    await labDown(at);
  });

  it("runs: every declared call is made, and those that can succeed do", async () => {
    const { lab } = await labUp({ ...at, manifests: [boutique], nodes: 2 });
    const calls = await everyCallMade(at);
    const counted = Object.values(calls).flatMap((one) => Object.entries(one.calls));
    // 8 of frontend, 1 of cart, 1 of the load generator, 1 of recommendation, 6 of checkout.
    expect(counted).toHaveLength(17);
    for (const [name, count] of counted) {
      // Its manifests name this one and have no such service.
      if (name === "SHOPPING_ASSISTANT_SERVICE_ADDR")
        expect(count.lastError).toContain("ENOTFOUND");
      else expect([name, count.failed]).toEqual([name, 0]);
    }
    const { lines } = await labProbe(at);
    expect(lines).toHaveLength(12 * 11);
    expect(lines.filter((line) => line.verdict !== "allowed")).toEqual([]);
    expect(lab.pods.filter((pod) => !pod.system)).toHaveLength(12);
  }, 60_000);
});

async function everyCallMade(at: { name: string; runDirectory: string }) {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const counts = await labCounts(at);
    const calls = Object.values(counts).flatMap((one) => Object.values(one.calls));
    if (calls.length >= 17 && calls.every((one) => one.ok + one.failed > 0)) return counts;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error("some call was never made");
}

/** Asks until the scanner has found one open port, one closed, and has had three answers. */
async function until<T extends { scanner: WorkloadCounts | undefined }>(
  ask: () => Promise<T>,
): Promise<T> {
  for (let attempt = 0; attempt < 500; attempt += 1) {
    const answer = await ask();
    const { calls = {}, scanned = { ok: 0, failed: 0 } } = answer.scanner ?? {};
    if (scanned.ok > 0 && scanned.failed > 0 && (calls["LOG_ADDR"]?.ok ?? 0) >= 3) return answer;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error("it never came to that");
}

const pod = (name: string, more: string, status = "") => `apiVersion: v1
kind: Pod
metadata: { name: ${name}, namespace: x, labels: { pod: ${name} } }
spec:
  ${more}
${status}---
`;
const ports =
  "containers: [{ name: c, image: x, ports: [{ containerPort: 80 }, { containerPort: 80, protocol: UDP }] }]";

(why === "" ? describe : describe.skip)(`plain pods${why}`, () => {
  const at = testLab("pods");
  const folder = mkdtempSync(join(tmpdir(), "lab-test-"));
  let lab: LabFile;

  beforeAll(async () => {
    writeFileSync(
      join(folder, "a.yaml"),
      pod("a", ports, "status: { podIP: 10.244.1.10 }\n") +
        pod("b", ports, "status: { podIPs: [{ ip: 10.244.7.9 }, { ip: 'fd00:244::9' }] }\n") +
        pod("host", `hostNetwork: true\n  ${ports.replaceAll("80", "9100")}`) +
        pod("c", ports) +
        pod(
          "scanner",
          `containers: [{ name: c, image: x, env: [
            { name: SCAN_TARGETS, value: "10.244.1.10,neighbours" }, { name: SCAN_PORTS, value: "80,81" },
            { name: SCAN_PAUSE, value: 10ms }, { name: CALL_PAUSE, value: 10ms-20ms },
            { name: LOG_ADDR, value: "log:514" }] }]`,
        ) +
        `apiVersion: v1
kind: Service
metadata: { name: log, namespace: x }
spec: { selector: { pod: c }, ports: [{ port: 514, targetPort: 80, protocol: UDP }] }
`,
    );
    const up = await labUp({ ...at, manifests: [join(folder, "a.yaml")], nodes: 3 });
    lab = up.lab;
  });

  afterAll(async () => {
    await labDown(at);
    rmSync(folder, { recursive: true });
  });

  const named = (name: string) => lab.pods.find((one) => one.name === name);

  it("have the addresses that their status gives, and others of their node", () => {
    expect(named("a")?.addresses).toEqual(["10.244.1.10"]);
    expect(named("b")?.addresses).toEqual(["10.244.7.9", "fd00:244::9"]);
    expect(named("host")?.addresses).toEqual(
      lab.nodes.find((node) => node.name === named("host")?.node)?.addresses,
    );
    expect(named("c")?.addresses[0]).toMatch(/^10\.\d+\.1\.\d+$/);
  });

  it("reach each other on TCP and UDP, across nodes, from the host network too", async () => {
    const { lines, notes } = await labProbe(at);
    expect(notes).toEqual([]);
    expect(lines).toHaveLength(5 * 4 * 2);
    expect(lines.filter((line) => line.verdict !== "allowed")).toEqual([]);
    expect(new Set(lines.map((line) => line.protocol))).toEqual(new Set(["TCP", "UDP"]));
  });

  it("call over UDP where the Service says so, and scan what they are told to", async () => {
    const { scanner, c } = await until(async () => {
      const counts = await labCounts(at);
      return { scanner: counts["x/scanner"], c: counts["x/c"] };
    });
    expect(scanner?.calls["LOG_ADDR"]).toMatchObject({ failed: 0 });
    expect(c?.replies).toBeGreaterThanOrEqual(3);
    // Port 81 is declared by nobody, and most neighbours do not exist.
    expect(scanner?.scanned.lastError).toMatch(/ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|timeout/);
  }, 60_000);

  it("come and go while the lab runs, and DNS and the collector's files follow", async () => {
    const manifest = join(folder, "later.yml");
    writeFileSync(
      manifest,
      `${pod("d", ports)}apiVersion: v1
kind: Service
metadata: { name: later, namespace: x }
spec: { selector: { pod: d }, ports: [{ port: 80 }] }
`,
    );
    const [added] = await addPods({ ...at, manifests: [manifest] });
    expect(added).toMatchObject({ name: "d", namespace: "x" });
    const uid = added?.uid;
    const endpoint = endpointPath(at.runDirectory, added?.node ?? "", "x", "d");
    expect(existsSync(endpoint)).toBe(true);
    const { lines } = await labProbe({ ...at, to: "x/d" });
    expect(lines).toHaveLength(6 * 2);
    expect(lines.filter((line) => line.verdict !== "allowed")).toEqual([]);
    expect(
      (await labExec({ ...at, pod: "x/a", command: ["getent", "ahostsv4", "later"] })).stdout,
    ).toContain(added?.addresses[0]);

    expect(await addPods({ ...at, manifests: [manifest] })).toEqual([]);
    await removePods({ ...at, pod: "x/d" });
    expect(existsSync(endpoint)).toBe(false);
    expect(readLab(at.runDirectory, at.name)?.pods.map((one) => one.name)).not.toContain("d");
    expect(tracesOf(at).filter((one) => /\.x\.d$|x_d/.test(one))).toEqual([]);
    await expect(labProbe({ ...at, to: "x/d" })).rejects.toThrow(/no pod x\/d/);

    const [again] = await addPods({ ...at, manifests: [manifest] });
    expect(again?.uid).not.toBe(uid);
  });

  it("are relabelled as they run, and so are their namespaces", async () => {
    const before = named("c");
    const processes = processesOf(before?.cgroup ?? "");
    const declared = [{ name: "web", port: 80, protocol: "TCP" as const }];
    const changed = await relabel({
      ...at,
      pods: { "x/c": { labels: { pod: "other" }, ports: declared } },
      namespaces: { x: { team: "blue" }, fresh: {} },
    });
    expect(readLab(at.runDirectory, at.name)).toEqual(changed);
    expect(changed.pods.find((one) => one.name === "c")).toEqual({
      ...before,
      ...{ labels: { pod: "other" }, ports: declared },
    });
    expect(changed.namespaces).toContainEqual({
      name: "x",
      labels: { team: "blue", "kubernetes.io/metadata.name": "x" },
    });
    expect(changed.namespaces.map((one) => one.name)).toContain("fresh");
    expect(processes).toHaveLength(1);
    expect(processesOf(before?.cgroup ?? "")).toEqual(processes);
    const command = ["getent", "ahostsv4", "log"];
    expect((await labExec({ ...at, pod: "x/a", command })).code).toBe(2);
    await expect(relabel({ ...at, pods: { "x/nobody": {} } })).rejects.toThrow(/no pod x\/nobody/);
    await expect(relabel({ ...at, namespaces: { x: null } })).rejects.toThrow(/has pods/);
    const back = { labels: before?.labels ?? {}, ports: before?.ports ?? [] };
    const restored = await relabel({
      ...at,
      pods: { "x/c": back },
      namespaces: { x: {}, fresh: null },
    });
    expect(restored.pods.find((one) => one.name === "c")).toEqual(before);
    expect(restored.namespaces.map((one) => one.name)).not.toContain("fresh");
  });

  it("that were taken out come back with the next up", async () => {
    await removePods({ ...at, pod: "x/c" });
    const { lab: whole, changed } = await labUp({
      ...at,
      manifests: [join(folder, "a.yaml")],
      nodes: 3,
    });
    expect(changed).toBe(true);
    expect(whole.pods.map((one) => one.name)).toContain("c");
    const { lines } = await labProbe({ ...at, to: "x/c" });
    expect(lines.length).toBeGreaterThan(0);
    expect(lines.filter((line) => line.verdict !== "allowed")).toEqual([]);
  });

  it("are said to be gone by the system at once where nobody has an address", async () => {
    const command = ["curl", "-sS", "-m", "5", "http://10.77.77.77/"];
    expect((await labExec({ ...at, pod: "x/a", command })).stderr).toMatch(
      /No route to host|Network is unreachable|Couldn't connect|Could not connect/,
    );
  });

  it("leave nothing", async () => {
    await labDown(at);
    expect(tracesOf(at)).toEqual([]);
  });
});
