import type { Party } from "@weir/store";
import { randomOf } from "./random.ts";

/** A plausible cluster: who there is, and who calls whom how often. The same for the same seed. */
export interface World {
  namespaces: string[];
  pods: Pod[];
  edges: Edge[];
  /** Running sum of the edges' weights, for drawing one. */
  cumulative: Float64Array;
  nodes: string[];
}

export interface Pod {
  party: Party;
  address: Uint8Array;
  node: number;
}

export interface Edge {
  source: Pod[];
  destination: Pod[];
  /** No pods: the other side is observed by nobody. */
  outside: boolean;
  port: number;
  protocol: number;
  denied: boolean;
}

const sizes = { workloads: 2000, pods: 20_000, namespaces: 100, nodes: 100, callsEach: 5 };
const ports = [80, 443, 8080, 5432, 6379, 9090, 3306, 50_051];
/** The n-th edge is called 1/n^s times as often as the first. */
const zipfExponent = 1;

export function worldOf(seed: number): World {
  const random = randomOf(seed);
  const upTo = (count: number) => Math.floor(random() * count);
  const namespaces = Array.from({ length: sizes.namespaces }, (_, at) => `team-${at}`);
  const nodes = Array.from({ length: sizes.nodes }, (_, at) => `node-${at}`);
  const pods: Pod[] = [];
  const workloads = Array.from({ length: sizes.workloads }, (_, at): Pod[] => {
    const namespace = namespaces[at % sizes.namespaces] as string;
    const workload = `service-${at}`;
    const count = sizes.pods / sizes.workloads;
    return Array.from({ length: count }, () => {
      const pod = podOf(namespace, workload, pods.length, upTo(sizes.nodes), upTo(0x7fff_ffff));
      pods.push(pod);
      return pod;
    });
  });
  const outside = Array.from({ length: 300 }, (_, at) => [outsideOf(at)]);
  // A few workloads are called by many: the square makes low numbers likelier.
  const popular = () => workloads[Math.floor(random() ** 2 * sizes.workloads)] as Pod[];
  const edges = workloads.flatMap((source) =>
    Array.from({ length: sizes.callsEach }, (): Edge => {
      const away = random() < 0.05;
      return {
        source,
        destination: away ? (outside[upTo(outside.length)] as Pod[]) : popular(),
        outside: away,
        port: away ? 443 : (ports[upTo(ports.length)] as number),
        protocol: random() < 0.15 ? 17 : 6,
        denied: random() < 0.01,
      };
    }),
  );
  let sum = 0;
  const ranks = edges.map(() => random()).map((key, at) => ({ key, at }));
  ranks.sort((a, b) => a.key - b.key);
  const weights = new Float64Array(edges.length);
  for (const [rank, { at }] of ranks.entries()) weights[at] = 1 / (rank + 1) ** zipfExponent;
  const cumulative = weights.map((weight) => (sum += weight));
  return { namespaces, pods, edges, cumulative, nodes };
}

/** An edge by its weight; `drawn` is from 0 to below 1. */
export function drawEdge({ edges, cumulative }: World, drawn: number): Edge {
  const wanted = drawn * (cumulative.at(-1) ?? 0);
  let [low, high] = [0, cumulative.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((cumulative[middle] ?? 0) > wanted) high = middle;
    else low = middle + 1;
  }
  return edges[low] as Edge;
}

function podOf(namespace: string, workload: string, at: number, node: number, hash: number): Pod {
  const suffix = hash.toString(36).padStart(6, "0").slice(0, 5);
  const party = { kind: "pod", namespace, workload, pod: `${workload}-6f9c7d-${suffix}`, name: "" };
  return { party, address: ipv4(10, (at >> 16) + 1, (at >> 8) & 255, at & 255), node };
}

function outsideOf(at: number): Pod {
  const party = { kind: "", namespace: "", workload: "", pod: "", name: `api-${at}.example.org` };
  return { party, address: ipv4(198, 18, at >> 8, at & 255), node: -1 };
}

function ipv4(a: number, b: number, c: number, d: number): Uint8Array {
  return Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d);
}
