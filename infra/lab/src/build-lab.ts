import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { LabFile, LabNode, LabPod } from "@weir/identity";
import { behaviourOf } from "./behaviour.ts";
import { labCgroup, makeCgroup } from "./cgroup.ts";
import { draftPods, nodeNumber } from "./draft.ts";
import { netnsName } from "./lab-name.ts";
import type { PlannedPod } from "./plan.ts";
import type { Place } from "./pod-process.ts";
import { writeProgram } from "./program.ts";
import { labPaths, nodePath, writeByRename, writeLab } from "./run-directory.ts";
import { beginCalls, startPods } from "./start-pods.ts";
import type { PodStart } from "./start-pods.ts";
import { upstreamsOf } from "./upstreams.ts";
import { makeNetns, netnsPath } from "./wire/netns.ts";
import { routePods, wireFabric } from "./wire/wire-fabric.ts";
import type { FabricNode } from "./wire/wire-fabric.ts";
import { wirePods } from "./wire/wire-pod.ts";

export interface BuildContext {
  runDirectory: string;
  onProgress: (message: string) => void;
  /** Replaces every START_AFTER. */
  startAfterMs: number | undefined;
  /** Awaited when every pod listens, before the first call. */
  beforeCalls: (() => Promise<void>) | undefined;
}

/** Makes everything that a drafted lab says, and writes it down as running. */
export async function buildLab(
  context: BuildContext,
  lab: LabFile,
  planned: PlannedPod[],
): Promise<LabFile> {
  const { runDirectory, onProgress } = context;
  mkdirSync(labPaths(runDirectory, lab.lab).files, { recursive: true, mode: 0o700 });
  onProgress(`${lab.nodes.length} node(s) and the network between them`);
  await wireFabric(
    lab.lab,
    lab.block,
    lab.nodes.map((node) => fabricNode(lab, node)),
  );
  for (const node of lab.nodes) {
    const { name, netns, addresses } = node;
    writeByRename(nodePath(runDirectory, name), { node: name, lab: lab.lab, netns, addresses });
  }
  const wired = await wireAll(context, lab, lab.pods);
  const internet = internetStart(lab);
  const starts = [...podStarts(context, wired, wired.pods, planned), internet];
  await startAll(context, wired, starts);
  return wired;
}

/** Adds pods to a running lab: wires them, starts them, begins their calls. */
export async function extendLab(
  context: BuildContext,
  lab: LabFile,
  planned: PlannedPod[],
): Promise<LabFile> {
  const fresh = draftPods(lab, planned, []);
  const extended = { ...lab, pods: [...lab.pods, ...fresh] };
  writeLab(context.runDirectory, extended);
  const wired = await wireAll(context, extended, fresh);
  const names = new Set(fresh.map((pod) => pod.uid));
  const mine = wired.pods.filter((pod) => names.has(pod.uid));
  await startAll(context, wired, podStarts(context, wired, mine, planned));
  return wired;
}

/** Cgroups, namespaces and interfaces of some of a lab's pods; the lab with their cgroup ids. */
async function wireAll(context: BuildContext, lab: LabFile, pods: LabPod[]): Promise<LabFile> {
  const { runDirectory, onProgress } = context;
  onProgress(`${pods.length} pods: namespaces, interfaces, cgroups`);
  const ids = new Map(pods.map((pod) => [pod.uid, makeCgroup(pod.cgroup).id]));
  const known: LabFile = {
    ...lab,
    pods: lab.pods.map((pod) => ({ ...pod, cgroupId: ids.get(pod.uid) ?? pod.cgroupId })),
  };
  writeLab(runDirectory, known);
  const own = known.pods.filter((pod) => ids.has(pod.uid) && !pod.hostNetwork);
  await makeNetns(own.map((pod) => netnsName.pod(lab.lab, pod.namespace, pod.name)));
  await routePods(
    lab.lab,
    own.map((pod) => ({ addresses: pod.addresses, node: fabricNode(lab, nodeOf(lab, pod)) })),
  );
  await wirePods(
    own.map((pod) => {
      const node = nodeOf(lab, pod);
      const { namespace, uid, netns, addresses, cgroup, cgroupId, created } = pod;
      const place = { node: node.name, nodeNetns: node.netns, nodeAddresses: node.addresses };
      return {
        ...place,
        runDirectory,
        namespace,
        pod: pod.name,
        uid,
        podNetns: netns,
        addresses,
        cgroup,
        cgroupId,
        created,
      };
    }),
  );
  return known;
}

async function startAll(context: BuildContext, lab: LabFile, starts: PodStart[]): Promise<void> {
  const { runDirectory, onProgress } = context;
  onProgress(`${starts.length} processes`);
  const program = await writeProgram(labPaths(runDirectory, lab.lab).files);
  await startPods(runDirectory, lab, program, starts);
  lab.phase = "running";
  writeLab(runDirectory, lab);
  await context.beforeCalls?.();
  await beginCalls(
    runDirectory,
    lab.lab,
    starts.map((start) => start.place),
  );
}

function podStarts(
  context: BuildContext,
  lab: LabFile,
  pods: LabPod[],
  planned: PlannedPod[],
): PodStart[] {
  const plans = new Map(planned.map((plan) => [`${plan.namespace}/${plan.name}`, plan]));
  return pods.flatMap((pod) => {
    const plan = plans.get(`${pod.namespace}/${pod.name}`);
    if (plan === undefined) return [];
    const behaviour = behaviourOf(plan);
    if (context.startAfterMs !== undefined && behaviour.startAfterMs > 0) {
      behaviour.startAfterMs = context.startAfterMs;
    }
    const upstreams = upstreamsOf(plan, lab.services, lab.pods);
    return [
      { place: pod, labels: pod.labels, listen: pod.ports, upstreams, behaviour, env: plan.env },
    ];
  });
}

/** Beyond the cluster: a server like any other, but no pod, so that weir does not know it. */
function internetStart(lab: LabFile): PodStart {
  const { path: cgroup, id: cgroupId } = makeCgroup(join(labCgroup(lab.lab), "internet"));
  const place: Place = {
    namespace: "internet",
    name: lab.external[0]?.name ?? "",
    addresses: lab.external.flatMap((external) => external.addresses),
    netns: netnsPath(netnsName.internet(lab.lab)),
    cgroup,
    cgroupId,
  };
  const ports = [80, 443].map((port) => ({ port, protocol: "TCP" as const }));
  const listen = [...ports, { port: 123, protocol: "UDP" as const }];
  const behaviour = {
    calls: "background" as const,
    pauseMs: { from: 1000, to: 1000 },
    startAfterMs: 0,
  };
  return { place, labels: {}, listen, upstreams: [], behaviour, env: {} };
}

function nodeOf(lab: LabFile, pod: LabPod): LabNode {
  return lab.nodes[nodeNumber(lab, pod.node) - 1] as LabNode;
}

function fabricNode(lab: LabFile, node: LabNode): FabricNode {
  return { number: nodeNumber(lab, node.name), addresses: node.addresses };
}
