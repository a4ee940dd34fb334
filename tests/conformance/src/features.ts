import type { Action } from "./data.ts";

/**
 * What of the API a case uses: the shape of its actions, without names, numbers and label values. Two
 * cases with the same features differ in what they expect of whom, not in what they use.
 */
export function featuresOf(actions: readonly Action[]): Set<string> {
  const features = new Set<string>();
  for (const action of actions) {
    const [kind = "", value] = Object.entries(action)[0] ?? [];
    features.add(kind);
    const spec = (value as { spec?: Record<string, unknown> } | undefined)?.spec;
    if (spec !== undefined) walk(spec, "spec", features);
  }
  return features;
}

function walk(value: unknown, path: string, features: Set<string>): void {
  if (Array.isArray(value)) {
    features.add(`${path}[${value.length === 0 ? "" : value.length === 1 ? "one" : "several"}]`);
    for (const one of value) walk(one, path, features);
    return;
  }
  if (typeof value !== "object" || value === null) {
    // Words of the API mean something, names and numbers do not.
    const isWord = /\.(protocol|operator|policyTypes)$/.test(path);
    features.add(`${path}:${isWord ? String(value) : typeof value}`);
    return;
  }
  const fields = Object.entries(value);
  // Labels are free text; everything else is a field of the API.
  if (path.endsWith("matchLabels")) return void features.add(`${path} ${fields.length}`);
  features.add(
    `${path}{${fields
      .map(([name]) => name)
      .sort()
      .join()}}`,
  );
  for (const [name, field] of fields) walk(field, `${path}.${name}`, features);
}

/** A small selection of cases that uses every feature that all of them use; always the same one. */
export function covering<T>(cases: readonly T[], featuresIn: (one: T) => Set<string>): T[] {
  const left = new Set(cases.flatMap((one) => [...featuresIn(one)]));
  const chosen = new Set<T>();
  const gain = (one: T): number =>
    [...featuresIn(one)].filter((feature) => left.has(feature)).length;
  while (left.size > 0) {
    const best = cases.reduce((one, two) => (gain(two) > gain(one) ? two : one));
    chosen.add(best);
    for (const feature of featuresIn(best)) left.delete(feature);
  }
  return cases.filter((one) => chosen.has(one));
}
