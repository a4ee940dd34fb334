import { execFile, execFileSync, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { EndpointFile, NodeFile } from "@weir/identity";
import { labDown, labUp } from "@weir/lab";

const run = promisify(execFile);
const port = "7500";
/** Client and server share it: what the kernel does on the way is done in their time. */
const cpu = String(cpus().length - 1);

export type Measure = "rtt" | "connect" | "udp" | "stream";

/** Two pods on one node, and a server that answers in the second. */
export interface PolicyLab extends AsyncDisposable {
  client: EndpointFile;
  server: EndpointFile;
  runDirectory: string;
  /** Path of the node's network namespace. */
  nodeNetns: string;
  /** CPU time of one exchange, connection, datagram or 64 KiB at both ends, in nanoseconds. */
  measure(what: Measure, count: number): Promise<number>;
}

export async function openPolicyLab(): Promise<PolicyLab> {
  await using opening = new AsyncDisposableStack();
  const directory = mkdtempSync(join(tmpdir(), "weir-policy-"));
  opening.defer(() => rmSync(directory, { recursive: true, force: true }));
  const program = compileTraffic(directory);
  const lab = { name: `policy${process.pid}`, runDirectory: `/run/weir-policy${process.pid}` };
  opening.defer(async () => {
    await labDown(lab);
    rmSync(lab.runDirectory, { recursive: true, force: true });
  });
  const manifest = join(directory, "lab.json");
  writeFileSync(manifest, podManifests);
  await labUp({ ...lab, manifests: [manifest], nodes: 1 });
  const { endpoints, nodeNetns } = wiringOf(lab.runDirectory);
  const [client, server] = endpoints;
  const address = server.addresses.find((one) => !one.includes(":")) ?? "";
  const { serving, pids } = await serve(program, server.netns);
  opening.defer(async () => {
    const exited = once(serving, "exit");
    serving.kill("SIGKILL");
    await exited;
  });
  const opened = opening.move();
  return {
    client,
    server,
    nodeNetns,
    runDirectory: lab.runDirectory,
    async measure(what, count) {
      const command = [program, what, cpu, address, port, String(count), ...pids];
      const { stdout } = await run("nsenter", [`--net=${client.netns}`, ...command]);
      return Number(stdout);
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

const podManifests = JSON.stringify({
  apiVersion: "v1",
  kind: "List",
  items: ["client", "server"].map((name) => ({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace: "bench", labels: { app: name } },
    spec: { containers: [{ name: "main", image: "none" }] },
  })),
});

/** Compiled here and now: another interpreter's noise would hide what is to be seen. */
function compileTraffic(directory: string): string {
  const program = join(directory, "traffic");
  const source = join(import.meta.dirname, "policy-traffic.c");
  execFileSync("clang", ["-O2", "-Wall", "-Wextra", "-Werror", "-o", program, source]);
  return program;
}

function wiringOf(runDirectory: string): {
  endpoints: [EndpointFile, EndpointFile];
  nodeNetns: string;
} {
  const read = <T>(folder: string): T[] =>
    readdirSync(folder).map((name) => JSON.parse(readFileSync(join(folder, name), "utf8")) as T);
  const [node] = read<NodeFile>(join(runDirectory, "nodes"));
  if (node?.netns === undefined) throw new Error("the lab's node has no network namespace");
  const endpoints = read<EndpointFile>(join(runDirectory, "endpoints", node.node));
  const [client, server] = ["client", "server"].map((pod) =>
    endpoints.find((one) => one.namespace === "bench" && one.pod === pod),
  );
  if (client === undefined || server === undefined) throw new Error("the lab has not two pods");
  return { endpoints: [client, server], nodeNetns: node.netns };
}

async function serve(
  program: string,
  netns: string,
): Promise<{ serving: ChildProcess; pids: string[] }> {
  const command = [`--net=${netns}`, program, "serve", cpu, port];
  const serving = spawn("nsenter", command, { stdio: ["ignore", "pipe", "inherit"] });
  const [said] = (await once(serving.stdout, "data")) as [Buffer];
  return { serving, pids: said.toString().trim().split(" ") };
}
