import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { apiConfig, startApi } from "@weir/api";
import type { EnactedAnswer, PolicyLine } from "@weir/api";
import { createMemoryBus, topics } from "@weir/bus";
import type { Bus } from "@weir/bus";
import { policyChangeCodec } from "@weir/codec";
import { controllerConfig, startController } from "@weir/controller";
import { enricherConfig, startEnricher } from "@weir/enricher";
import { createMetrics, loadConfig, silentLog } from "@weir/runtime";
import { openEmbeddedStore } from "@weir/store";

const launcher = resolve(import.meta.dirname, "../../bin/weir");
const stations = new AsyncDisposableStack();
let directory: string;
let api: string;
let bus: Bus;

const pod = (name: string, address: string): string => `apiVersion: v1
kind: Pod
metadata: {name: ${name}, namespace: shop, labels: {app: ${name}}}
spec: {nodeName: n1, containers: [{name: c, image: i}]}
status: {podIP: ${address}}
`;
const policy = (name: string, from: string, port: number | string = 80): string =>
  `apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: ${name}, namespace: shop}
spec:
  podSelector: {matchLabels: {app: ${name}}}
  ingress: [{from: [{podSelector: {matchLabels: {app: ${from}}}}], ports: [{port: ${port}}]}]
`;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "weir-policy-verbs-"));
  const manifests = join(directory, "pods");
  mkdirSync(manifests);
  const pods = [pod("cart", "10.1.0.1"), pod("web", "10.1.0.2"), pod("db", "10.1.0.3")];
  writeFileSync(join(manifests, "pods.yaml"), pods.join("---\n"));
  bus = stations.use(createMemoryBus());
  await bus.ensureTopics(Object.values(topics));
  const store = stations.use(await openEmbeddedStore({ directory: join(directory, "store") }));
  const doors = { bus, store, log: silentLog() };
  stations.use(await startEnricher(loadConfig(enricherConfig, { overrides: {} }), doors));
  const known = { runDirectory: join(directory, "run"), manifests: [manifests], host: false };
  stations.use(await startController(loadConfig(controllerConfig, { overrides: known }), doors));
  const listen = apiConfig.parse({ listen: "127.0.0.1:0" });
  const running = stations.use(await startApi(listen, { ...doors, metrics: createMetrics("api") }));
  api = running.url;
}, 60_000);
afterAll(async () => {
  await stations.disposeAsync();
  rmSync(directory, { recursive: true, force: true });
});

interface Finished {
  code: number;
  stdout: string;
  stderr: string;
}

function weir(...args: string[]): Promise<Finished> {
  const env = { ...process.env, WEIR_API: api, WEIR_RUN: directory, NO_COLOR: "1" };
  return new Promise((done) => {
    execFile(launcher, ["policy", ...args], { env, cwd: directory }, (error, stdout, stderr) => {
      done({ code: typeof error?.code === "number" ? error.code : 0, stdout, stderr });
    });
  });
}

async function json<T>(...args: string[]): Promise<T[]> {
  const { stdout, stderr, code } = await weir(...args, "-o", "json");
  if (code !== 0) throw new Error(`weir policy ${args.join(" ")}: ${code} ${stderr}`);
  return stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as T);
}

function file(name: string, ...texts: string[]): string {
  writeFileSync(join(directory, name), texts.join("---\n"));
  return name;
}

const list = (): Promise<PolicyLine[]> => json<PolicyLine>("list");

describe("weir policy, against a running weir", () => {
  it("applies several documents as one change, once", async () => {
    const both = file("both.yaml", policy("cart", "web"), policy("db", "cart"));
    const [answer] = await json<EnactedAnswer>("apply", "-f", both);
    expect(answer).toMatchObject({
      ...{ generation: 1, mode: "enforce", nodes: [], deleted: [], changed: true },
      applied: ["shop/cart", "shop/db"],
    });
    const again = await weir("apply", "-f", both);
    expect(again).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/generation 1 unchanged/),
    });
    expect((await list()).map((one) => [one.name, one.inForce, one.shadow])).toEqual([
      ["cart", true, false],
      ["db", true, false],
    ]);
  }, 60_000);

  it("refuses all of a file for one bad document, with its place, and changes nothing", async () => {
    const before = await list();
    const bad = file("bad.yaml", policy("web", "cart"), policy("db", "web", 70_000));
    const { code, stdout, stderr } = await weir("apply", "-f", bad);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(/bad\.yaml:\d+:\d+: error: .*70000/);
    expect(await list()).toEqual(before);
  }, 60_000);

  it("explains by what is in force, and by the generation that a flow's row names", async () => {
    const ask = ["explain", "--from", "shop/web", "--to", "shop/cart", "--port", "80/TCP"];
    expect((await weir(...ask)).code).toBe(0);
    await json("apply", "-f", file("cart.yaml", policy("cart", "db")));
    const now = await weir(...ask, "-o", "json");
    expect(now.code).toBe(3);
    const denied = { verdict: "denied", generation: 2, pods: "now" };
    expect(JSON.parse(now.stdout)).toMatchObject(denied);
    const then = await json<object>(...ask, "--generation", "1");
    expect(then[0]).toMatchObject({ verdict: "allowed", generation: 1, mode: "enforce" });
    const outside = ["explain", "--from", "192.0.2.7", "--to", "shop/cart", "--port", "80/TCP"];
    expect((await weir(...outside)).stdout).toMatch(/ingress {2}denied/);
    expect((await weir(...ask, "--generation", "99")).code).toBe(3);
    expect((await weir(...ask, "cart.yaml", "--generation", "1")).code).toBe(2);
  }, 60_000);

  it("tells what each generation changed, and brings one back with its mode", async () => {
    const [shadowed] = await json<EnactedAnswer>("apply", "-f", "cart.yaml", "--shadow");
    expect(shadowed).toMatchObject({ generation: 3, mode: "shadow" });
    const [back] = await json<EnactedAnswer>("rollback", "--to", "1");
    expect(back).toMatchObject({ generation: 4, mode: "enforce" });
    expect((await list()).find((one) => one.name === "cart")).toMatchObject({
      shadow: false,
      text: expect.stringContaining("app: web") as unknown,
    });
    const lines = await json<{ generation: number }>("history");
    expect(lines.find((one) => one.generation === 2)).toMatchObject({
      ...{ mode: "enforce", policies: 2, added: [], changed: ["shop/cart"], removed: [] },
    });
    expect((await weir("rollback", "--to", "77")).code).toBe(2);
  }, 60_000);

  it("explains an earlier generation by the pods there were at its end", async () => {
    const ask = ["explain", "--from", "shop/web", "--to", "shop/cart", "--port", "80/TCP"];
    const past = [...ask, "--generation", "2"];
    const then = await weir(...past, "-o", "json");
    expect(JSON.parse(then.stdout)).toMatchObject({
      verdict: "denied",
      pods: expect.stringMatching(/^\d{4}-.*Z$/) as unknown,
    });
    expect(then.stderr).toMatch(/generation 2, pods as they were at its end, /);
    // Who was not there then is asked of now.
    writeFileSync(join(directory, "pods", "late.yaml"), pod("late", "10.1.0.9"));
    const late = ["explain", "--from", "shop/late", "--to", "shop/cart", "--port", "80/TCP"];
    const asked = async (): Promise<string> =>
      (await weir(...late, "--generation", "2", "-o", "json")).stdout;
    let answer = await asked();
    for (let tries = 0; answer === "" && tries < 50; tries++) answer = await asked();
    expect(JSON.parse(answer)).toMatchObject({ verdict: "denied", pods: "now" });
  }, 60_000);

  it("deletes, and says 3 where there is nothing to delete", async () => {
    const [gone] = await json<EnactedAnswer>("delete", "shop/db");
    expect(gone).toMatchObject({ deleted: ["shop/db"], changed: true });
    expect(await weir("delete", "shop/db")).toMatchObject({ code: 3, stdout: "" });
    const csv = await weir("delete", "shop/cart", "-o", "csv");
    expect(csv.stdout.split("\r\n")[0]).toMatch(/^generation,mode,nodes,applied,deleted,changed/);
  }, 60_000);

  it("says of a document that does not compile why it is not in force", async () => {
    const change = { namespace: "shop", name: "odd", shadow: false, changed: 1, author: "x" };
    const value = policyChangeCodec.encode({ ...change, text: policy("odd", "web", 70_000) });
    await bus.send(topics.policyDocuments.name, [{ key: "shop/odd", value }]);
    const [odd] = await list();
    expect(odd).toMatchObject({ inForce: false, problem: expect.stringMatching(/70000/) });
  }, 60_000);
});

describe("weir policy, without a running weir", () => {
  it("has the lines that scripts read", async () => {
    file("all.yaml", pod("cart", "10.1.0.1"), pod("web", "10.1.0.2"), policy("cart", "web"));
    const lines = await json<object>("matrix", "all.yaml", "--port", "80/TCP", "--port", "53/UDP");
    expect(lines).toHaveLength(8);
    expect(lines).toContainEqual({
      ...{ from: "shop/web", to: "shop/cart", port: 53, protocol: "UDP" },
      ...{ verdict: "denied", egress: "allowed", ingress: "denied" },
    });
    const ask = ["--from", "shop/web", "--to", "shop/cart", "--port", "53/UDP"];
    expect((await weir("explain", ...ask, "all.yaml")).code).toBe(3);
    expect(await weir("lint", "all.yaml")).toMatchObject({ code: 0 });
    const bad = await weir("lint", file("worse.yaml", policy("cart", "web", -1)), "-o", "json");
    expect(bad.code).toBe(1);
    expect(JSON.parse(bad.stdout.split("\n")[0] ?? "")).toMatchObject({ severity: "error" });
  }, 60_000);
});
