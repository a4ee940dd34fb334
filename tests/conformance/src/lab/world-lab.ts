import { labWorkloads, workloadCluster } from "@weir/identity";
import type { LabFile } from "@weir/identity";
import { relabel } from "@weir/lab";
import { Judge, parseAddress, podKey, readManifests } from "@weir/policy";
import type { Cluster, ClusterPod, Policy, Question, WrittenPolicy } from "@weir/policy";
import type { Choices } from "../../../../libs/policy/src/testing/choices.ts";
import {
  makeLabels,
  makePort,
  makeWorld,
  namespaces,
} from "../../../../libs/policy/src/testing/world.ts";
import { LabBed } from "./bed.ts";
import { manifestsOf } from "./manifests-of.ts";
import type { PodOutline } from "./manifests-of.ts";

/** What the generator of worlds names in its rules, so far as it can be listened on. */
export const worldPorts = [80, 53, 81, 8080, 1, 65_535, 1024];
const podCount = 12;

/**
 * A lab whose pods have the addresses that the blocks of random policies are about, in both blocks on
 * both nodes, two of them of one family only, and a pod on each node's own network.
 */
export function worldLab(name: string, listen: readonly number[]): Promise<LabBed> {
  const ports = listen.flatMap((containerPort) =>
    ["TCP", "UDP"].map((protocol) => ({ containerPort, protocol })),
  );
  const pods = Array.from({ length: podCount }, (_, index): PodOutline => {
    const [block, host] = [index % 2, 10 + Math.floor(index / 2)];
    const both = [`10.0.${block}.${host}`, `fd00::${block}:${host}`];
    const address = index === 10 ? both.slice(0, 1) : index === 11 ? both.slice(1) : both;
    const node = `${name}${process.pid}-node-${1 + (Math.floor(index / 2) % 2)}`;
    return { key: `${namespaces[index % 3]}/p${index}`, address, labels: {}, node, ports };
  });
  const hosts = [1, 2].map((number): PodOutline => {
    const node = `${name}${process.pid}-node-${number}`;
    return { key: `a/h${number}`, address: [], labels: {}, node, ports, hostNetwork: true };
  });
  const empty = Object.fromEntries(namespaces.map((one) => [one, {}]));
  return LabBed.up({ name, manifests: manifestsOf(empty, [...pods, ...hosts]), nodes: 2 });
}

/** Labels and named ports for every pod, labels for every namespace, and policies over them. */
export interface LabWorld {
  pods: Record<string, Pick<ClusterPod, "labels" | "ports">>;
  namespaces: Record<string, Record<string, string>>;
  policies: WrittenPolicy[];
}

export function makeLabWorld(choices: Choices, pods: readonly string[]): LabWorld {
  const { policies } = makeWorld(choices);
  return {
    policies,
    pods: Object.fromEntries(pods.map((key) => [key, makeDescription(choices)])),
    namespaces: Object.fromEntries(namespaces.map((name) => [name, { ...makeLabels(choices) }])),
  };
}

export function makeDescription(choices: Choices): Pick<ClusterPod, "labels" | "ports"> {
  return { labels: makeLabels(choices), ports: choices.list(0, 3, () => makePort(choices)) };
}

/** A world as it stands in the lab, with the evaluator's word on it. */
export interface StandingWorld {
  cluster: Cluster;
  judge: Judge;
}

/** Puts a world into the lab; resolves when the nodes hold it. */
export async function stand(bed: LabBed, world: LabWorld): Promise<StandingWorld> {
  const pods = Object.entries(world.pods).map(([key, { labels, ports }]) => [
    key,
    { labels: { ...labels }, ports: ports.map((port) => ({ ...port })) },
  ]);
  const lab = await relabel({
    ...bed.at,
    pods: Object.fromEntries(pods) as NonNullable<Parameters<typeof relabel>[0]["pods"]>,
    namespaces: world.namespaces,
  });
  await bed.wantPolicies(world.policies);
  await bed.settled(lab);
  return judged(lab, world.policies);
}

export function judged(lab: LabFile, written: readonly WrittenPolicy[]): StandingWorld {
  const cluster = workloadCluster(labWorkloads(lab));
  const policies = written.flatMap(
    (one): Policy[] => readManifests(JSON.stringify(one), "world").policies,
  );
  return { cluster, judge: new Judge(cluster, policies) };
}

/** Every pair of pods that both have an address of the family; the lab's own DNS not among them. */
export function* pairsOf(
  cluster: Cluster,
  family: 4 | 6,
): Generator<Pick<Question, "from" | "to"> & { keys: [string, string] }> {
  const pods = cluster.pods.filter(
    (pod) => pod.namespace !== "kube-system" && addressOf(pod, family) !== undefined,
  );
  for (const from of pods)
    for (const to of pods)
      yield { from: { pod: from }, to: { pod: to }, keys: [podKey(from), podKey(to)] };
}

export function addressOf(pod: ClusterPod, family: 4 | 6): string | undefined {
  return pod.addresses.find(
    (one) => parseAddress(one) !== undefined && one.includes(":") === (family === 6),
  );
}
