import type { Labels, Selector } from "../selector.ts";
import { selects } from "../selector.ts";
import type { Atom, AtomSet } from "./atom-set.ts";
import type { Isolation, SelectorGroup } from "./isolation.ts";
import type { PodRecord } from "./pods.ts";

/** Pods with the same namespace and labels are the same to every selector. */
export interface Shape {
  readonly key: string;
  readonly namespace: string;
  readonly labels: Labels;
  readonly pods: Set<PodRecord>;
  /** Atoms and groups of policies that select it. */
  readonly atoms: Set<Atom>;
  readonly groups: Set<SelectorGroup>;
  /** `atoms`, as it was settled last. */
  own: AtomSet;
  ingress: Isolation | undefined;
  egress: Isolation | undefined;
}

export function shapeKey(namespace: string, labels: Labels): string {
  const sorted = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([namespace, sorted]);
}

/** A label that everything the selector selects must carry, if there is one. */
function exactLabel(selector: Selector): string {
  const exact = selector.find(({ operator, values }) => operator === "In" && values.length === 1);
  return exact === undefined ? "" : labelKey(exact.key, exact.values[0] as string);
}

function labelKey(key: string, value: string): string {
  return JSON.stringify([key, value]);
}

class Buckets<Item> {
  readonly #items = new Map<string, Set<Item>>();

  add(name: string, item: Item): void {
    const bucket = this.#items.get(name);
    if (bucket === undefined) this.#items.set(name, new Set([item]));
    else bucket.add(item);
  }

  delete(name: string, item: Item): void {
    const bucket = this.#items.get(name);
    bucket?.delete(item);
    if (bucket?.size === 0) this.#items.delete(name);
  }

  get(name: string): Iterable<Item> {
    return this.#items.get(name) ?? [];
  }
}

/** Finds the shapes that a selector means without looking at all of them. */
export class ShapeIndex {
  readonly #byNamespace = new Map<string, Buckets<Shape>>();

  get namespaces(): Iterable<string> {
    return this.#byNamespace.keys();
  }

  add(shape: Shape): void {
    const buckets = this.#byNamespace.get(shape.namespace) ?? new Buckets<Shape>();
    this.#byNamespace.set(shape.namespace, buckets);
    buckets.add("", shape);
    for (const [key, value] of Object.entries(shape.labels)) {
      buckets.add(labelKey(key, value), shape);
    }
  }

  delete(shape: Shape): void {
    const buckets = this.#byNamespace.get(shape.namespace);
    buckets?.delete("", shape);
    for (const [key, value] of Object.entries(shape.labels)) {
      buckets?.delete(labelKey(key, value), shape);
    }
    if (buckets?.get("")[Symbol.iterator]().next().done) this.#byNamespace.delete(shape.namespace);
  }

  /** Shapes of the namespace that the selector selects. */
  *select(namespace: string, selector: Selector): Generator<Shape> {
    for (const shape of this.#byNamespace.get(namespace)?.get(exactLabel(selector)) ?? []) {
      if (selects(selector, shape.labels)) yield shape;
    }
  }
}

/** The other way: finds those selectors that may mean a shape. */
export class SelectorIndex<Item> {
  readonly #buckets = new Buckets<Item>();

  static #name(namespace: string | null, label: string): string {
    return namespace === null ? `*\n${label}` : `=${namespace}\n${label}`;
  }

  /** `namespace` null: the selector does not stop at one. */
  add(item: Item, namespace: string | null, selector: Selector): void {
    this.#buckets.add(SelectorIndex.#name(namespace, exactLabel(selector)), item);
  }

  delete(item: Item, namespace: string | null, selector: Selector): void {
    this.#buckets.delete(SelectorIndex.#name(namespace, exactLabel(selector)), item);
  }

  *candidates(namespace: string, labels: Labels): Generator<Item> {
    const names = ["", ...Object.entries(labels).map(([key, value]) => labelKey(key, value))];
    for (const name of names) {
      yield* this.#buckets.get(SelectorIndex.#name(namespace, name));
      yield* this.#buckets.get(SelectorIndex.#name(null, name));
    }
  }
}
