/** Pods of a workload, named and labelled as the cluster's own controllers would. */
import type { ManifestPod, ManifestWorkload } from "./manifest-objects.ts";
import type { Labels } from "./selector.ts";

/** Letters of generated names: no vowels, so that no word comes out. */
const alphabet = "bcdfghjklmnpqrstvwxz2456789";

/** FNV-1a over UTF-16 units, 64 bits. */
function hash(text: string): bigint {
  let value = 0xcbf29ce484222325n;
  for (let index = 0; index < text.length; index += 1) {
    value = ((value ^ BigInt(text.charCodeAt(index))) * 0x100000001b3n) & 0xffffffffffffffffn;
  }
  return value;
}

function suffix(text: string, length: number): string {
  let rest = hash(text);
  let out = "";
  for (let index = 0; index < length; index += 1) {
    out += alphabet[Number(rest % BigInt(alphabet.length))];
    rest = rest / BigInt(alphabet.length) + (hash(`${out}${text}`) << 8n);
  }
  return out;
}

/** Generated names keep within the 63 letters of a host name. */
function generated(prefix: string, tail: string): string {
  return `${prefix.slice(0, 63 - tail.length - 1)}-${tail}`;
}

interface Identity {
  name: string;
  labels: Labels;
  node?: string;
}

function identities(workload: ManifestWorkload, nodes: readonly string[]): Identity[] {
  const { kind, namespace, name, template } = workload;
  const seed = `${kind}/${namespace}/${name}/${JSON.stringify(template)}`;
  const revision = suffix(seed, 9);
  const indices = Array.from({ length: workload.replicas ?? 0 }, (_, index) => index);
  const random = (index: number | string): string => suffix(`${seed}/${index}`, 5);
  switch (kind) {
    case "Deployment":
      return indices.map((index) => ({
        name: generated(`${name.slice(0, 47)}-${revision}`, random(index)),
        labels: { "pod-template-hash": revision },
      }));
    case "ReplicaSet":
      return indices.map((index) => ({ name: generated(name, random(index)), labels: {} }));
    case "StatefulSet":
      return indices.map((index) => ({
        name: `${name}-${index}`,
        labels: {
          "apps.kubernetes.io/pod-index": String(index),
          "controller-revision-hash": `${name.slice(0, 50)}-${revision}`,
          "statefulset.kubernetes.io/pod-name": `${name}-${index}`,
        },
      }));
    case "DaemonSet":
      return nodes.map((node) => ({
        name: generated(name, random(node)),
        labels: { "controller-revision-hash": revision, "pod-template-generation": "1" },
        node,
      }));
    default:
      return indices.map((index) => ({
        name: generated(name, random(index)),
        labels: { "batch.kubernetes.io/job-name": name, "job-name": name },
      }));
  }
}

/**
 * The pods a workload stands for. Names are the same at every call; a new template makes new ones.
 * A DaemonSet gets one pod per name in `nodes`. Addresses are left to whoever wires the pods.
 */
export function expandWorkload(
  workload: ManifestWorkload,
  nodes: readonly string[] = [],
): ManifestPod[] {
  const { template } = workload;
  return identities(workload, nodes).map(({ name, labels, node }) => ({
    ...template,
    labels: { ...template.labels, ...labels },
    node: node ?? template.node,
    namespace: workload.namespace,
    name,
    uid: "",
    addresses: [],
    workload: workload.name,
    workloadKind: workload.kind,
    place: workload.place,
  }));
}
