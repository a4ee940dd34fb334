import { shapeKey } from "../compiler/shapes.ts";
import type { PeerAtom } from "./plain-compile.ts";
import type { Cluster, ClusterPod } from "../cluster.ts";
import { namespaceLabels } from "../cluster.ts";
import type { PodPeer } from "../network-policy.ts";
import type { Selector } from "../selector.ts";
import { selectorKey, selects } from "../selector.ts";

/** Pods with the same namespace and labels are the same to every selector. */
interface Shape {
  namespace: string;
  labels: Record<string, string>;
}

/** Finds the shapes a selector means without looking at all of them. */
export class PlainShapes {
  readonly #byNamespace: Map<string, Shape[]>;
  /** `namespace key=value` to shapes. */
  readonly #byLabel = new Map<string, Shape[]>();
  readonly #byNamespaceSelector = new Map<string, string[]>();
  readonly #cluster: Cluster;

  constructor(cluster: Cluster, pods: readonly ClusterPod[]) {
    this.#cluster = cluster;
    const shapes = new Map(pods.map((pod) => [shapeKey(pod.namespace, pod.labels), pod as Shape]));
    this.#byNamespace = Map.groupBy(shapes.values(), (shape) => shape.namespace);
    for (const shape of shapes.values()) {
      for (const [key, value] of Object.entries(shape.labels)) {
        const name = JSON.stringify([shape.namespace, key, value]);
        const list = this.#byLabel.get(name);
        if (list === undefined) this.#byLabel.set(name, [shape]);
        else list.push(shape);
      }
    }
  }

  /** Shapes of one namespace that the selector selects. */
  inNamespace(namespace: string, selector: Selector): Shape[] {
    const exact = selector.find(({ operator, values }) => operator === "In" && values.length === 1);
    const candidates =
      exact === undefined
        ? this.#byNamespace.get(namespace)
        : this.#byLabel.get(JSON.stringify([namespace, exact.key, exact.values[0]]));
    return (candidates ?? []).filter((shape) => selects(selector, shape.labels));
  }

  #namespaces(selector: Selector): string[] {
    const key = selectorKey(selector);
    const known = this.#byNamespaceSelector.get(key);
    if (known !== undefined) return known;
    const found = [...this.#byNamespace.keys()].filter((name) =>
      selects(selector, namespaceLabels(this.#cluster, name)),
    );
    this.#byNamespaceSelector.set(key, found);
    return found;
  }

  /** Shapes that a peer of a policy in `namespace` means. */
  ofPeer(peer: PodPeer, namespace: string): Shape[] {
    const namespaces = peer.namespaces === null ? [namespace] : this.#namespaces(peer.namespaces);
    return namespaces.flatMap((name) => this.inNamespace(name, peer.pods));
  }
}

/** For each shape the indices of the atoms that select it, ascending. */
export function podAtoms(index: PlainShapes, atoms: readonly PeerAtom[]): Map<string, number[]> {
  const found = new Map<string, number[]>();
  for (const [atom, { peer, namespace }] of atoms.entries()) {
    if (peer.kind !== "pods") continue;
    for (const shape of index.ofPeer(peer, namespace)) {
      const key = shapeKey(shape.namespace, shape.labels);
      const list = found.get(key);
      if (list === undefined) found.set(key, [atom]);
      else if (list.at(-1) !== atom) list.push(atom);
    }
  }
  return found;
}
