/** Kubernetes manifests as weir reads them: YAML or JSON, many documents, Lists, with line and column. */
import { Examiner } from "./examiner.ts";
import type { Fields } from "./examiner.ts";
import type {
  ManifestNamespace,
  ManifestNode,
  ManifestPod,
  ManifestService,
  ManifestWorkload,
  WorkloadKind,
} from "./manifest-objects.ts";
import { rememberLocations } from "./locations.ts";
import type { Policy } from "./network-policy.ts";
import type { Diagnostic, Path, Place, Problem } from "./problem.ts";
import { formatPath, quote } from "./problem.ts";
import { readNamespace, readNode, readPod, readService, readWorkload } from "./read-object.ts";
import { readPolicy } from "./read-policy.ts";
import { didYouMean } from "./spelling.ts";
import { openYaml } from "./yaml-source.ts";
import { yamlText } from "./yaml-text.ts";

export interface Manifests {
  policies: Policy[];
  pods: ManifestPod[];
  workloads: ManifestWorkload[];
  namespaces: ManifestNamespace[];
  services: ManifestService[];
  nodes: ManifestNode[];
  /** Objects of kinds that mean nothing to weir. */
  ignored: { kind: string; name: string; place: Place }[];
  /** Errors and warnings. An object with an error is in none of the lists. */
  diagnostics: Diagnostic[];
}

/** Bound of one manifest text. */
export const maxManifestBytes = 64 * 1024 * 1024;

const workloadKinds = new Set(["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job"]);

/** apiVersion of each kind that weir reads. */
const versions: Record<string, string> = {
  NetworkPolicy: "networking.k8s.io/v1",
  Pod: "v1",
  Namespace: "v1",
  Service: "v1",
  Node: "v1",
  List: "v1",
  Deployment: "apps/v1",
  StatefulSet: "apps/v1",
  DaemonSet: "apps/v1",
  ReplicaSet: "apps/v1",
  Job: "batch/v1",
};

/** Kinds that restrict traffic elsewhere; silence about them would be taken for enforcement. */
const policyKinds =
  /^(Baseline)?(Admin|Cluster|Global|Cilium|CiliumClusterwide|Staged\w*)NetworkPolicy$/;

export function emptyManifests(): Manifests {
  return {
    policies: [],
    pods: [],
    workloads: [],
    namespaces: [],
    services: [],
    nodes: [],
    ignored: [],
    diagnostics: [],
  };
}

/** Lists of several files as one. */
export function joinManifests(parts: Manifests[]): Manifests {
  const joined = emptyManifests();
  for (const part of parts) {
    for (const key of Object.keys(joined) as (keyof Manifests)[]) {
      for (const one of part[key]) (joined[key] as unknown[]).push(one);
    }
  }
  return joined;
}

/** One object of a document: the document's root, or an item of a List. */
interface Item {
  object: Fields;
  /** From the document's root. */
  path: Path;
  /** The object alone as YAML. */
  text: () => string;
}

class Reading {
  readonly result = emptyManifests();
  readonly #locate: (path: Path, onKey: boolean) => Place;

  constructor(locate: (path: Path, onKey: boolean) => Place) {
    this.#locate = locate;
  }

  report(path: Path, problems: readonly Problem[]): void {
    for (const problem of problems) {
      const name = formatPath(problem.path);
      const place = this.#locate([...path, ...problem.path], problem.onKey ?? false);
      const text = name === "" ? problem.text : `${name}: ${problem.text}`;
      this.result.diagnostics.push({ ...place, severity: problem.severity, text });
    }
  }

  /** Undefined where the kind or its version is wrong; then it is reported. */
  #kindOf(item: Item): string | undefined {
    const { kind, apiVersion } = item.object;
    if (typeof kind !== "string" || typeof apiVersion !== "string") {
      const field = typeof kind === "string" ? "apiVersion" : "kind";
      this.report(item.path, [
        {
          path: [field],
          severity: "error",
          text: "is missing: every object needs apiVersion and kind",
        },
      ]);
      return undefined;
    }
    const expected = Object.hasOwn(versions, kind) ? versions[kind] : undefined;
    if (expected === apiVersion || (kind.endsWith("List") && item.object["items"] !== undefined))
      return kind;
    if (expected !== undefined && kind !== "Service") {
      const text = `${quote(apiVersion)} of ${kind} is not read: use ${expected}`;
      this.report(item.path, [{ path: ["apiVersion"], severity: "error", text }]);
      return undefined;
    }
    const meant = expected === undefined ? didYouMean(kind, Object.keys(versions)) : undefined;
    if (meant !== undefined) {
      const text = `${quote(kind)} is no kind weir knows: did you mean ${meant}?`;
      this.report(item.path, [{ path: ["kind"], severity: "error", text }]);
      return undefined;
    }
    return expected === undefined ? kind : `${apiVersion} ${kind}`;
  }

  #ignore(item: Item, kind: string): void {
    if (policyKinds.test(kind)) {
      const text = `${kind} is not enforced by weir: it reads networking.k8s.io/v1 NetworkPolicy`;
      this.report(item.path, [{ path: ["kind"], severity: "warning", text }]);
    }
    const metadata = item.object["metadata"] as Fields | null | undefined;
    const name = metadata?.["name"];
    this.result.ignored.push({
      kind,
      name: typeof name === "string" ? name : "",
      place: this.#locate(item.path, false),
    });
  }

  take(item: Item): void {
    const kind = this.#kindOf(item);
    if (kind === undefined) return;
    const examiner = new Examiner();
    const place = this.#locate(item.path, false);
    const { result } = this;
    const keep = <T>(list: T[], object: T | undefined): void => {
      this.report(item.path, examiner.problems);
      if (object !== undefined && !examiner.failed) list.push(object);
    };
    if (kind === "NetworkPolicy") {
      const policy = readPolicy(examiner, item.object, item.text(), place);
      keep(result.policies, policy);
      if (policy !== undefined) {
        rememberLocations(policy, (path) => this.#locate([...item.path, ...path], false));
      }
    } else if (kind === "Pod") keep(result.pods, readPod(examiner, item.object, place));
    else if (kind === "Namespace")
      keep(result.namespaces, readNamespace(examiner, item.object, place));
    else if (kind === "Service") keep(result.services, readService(examiner, item.object, place));
    else if (kind === "Node") keep(result.nodes, readNode(examiner, item.object, place));
    else if (workloadKinds.has(kind)) {
      keep(result.workloads, readWorkload(examiner, kind as WorkloadKind, item.object, place));
    } else this.#ignore(item, kind);
  }
}

function itemsOf(reading: Reading, root: Item, depth = 0): Item[] {
  const { kind, items } = root.object;
  if (typeof kind !== "string" || !kind.endsWith("List") || items === undefined) return [root];
  const examiner = new Examiner();
  const list = examiner.list(items, ["items"]) ?? [];
  if (depth > 4)
    examiner.refuse(["items"], "lists within lists go too deep: write the objects in one list");
  const found = list.flatMap((one, index): Item[] => {
    const path = ["items", index];
    const object = examiner.fields(one, path);
    if (object === undefined) {
      if (one === null) examiner.refuse(path, "is empty: write an object or remove the item");
      return [];
    }
    // Items of a typed list may leave out what the list says already.
    const inherited = {
      apiVersion: root.object["apiVersion"],
      kind: kind.slice(0, -"List".length),
    };
    const whole = kind === "List" ? object : { ...inherited, ...object };
    return [{ object: whole, path: [...root.path, ...path], text: () => yamlText(whole) }];
  });
  reading.report(root.path, examiner.problems);
  return examiner.failed ? [] : found.flatMap((item) => itemsOf(reading, item, depth + 1));
}

/** More than this nobody reads; a text made to be wrong has one at every other letter. */
const maxDiagnostics = 200;

/** Errors before warnings where not all have room, and a word about the rest. */
function theFirst(diagnostics: Diagnostic[]): Diagnostic[] {
  if (diagnostics.length <= maxDiagnostics) return diagnostics;
  const errors = diagnostics.filter((one) => one.severity === "error");
  const kept = new Set([...errors, ...diagnostics].slice(0, maxDiagnostics));
  const left = diagnostics.filter((one) => !kept.has(one));
  const { file, line, column } = left[0] as Diagnostic;
  const severity = left.some((one) => one.severity === "error") ? "error" : "warning";
  const text = `and ${left.length} more from here on: correct the first ones and read it again`;
  return [...diagnostics.filter((one) => kept.has(one)), { file, line, column, severity, text }];
}

/**
 * Reads one manifest text. `file` only names it in diagnostics. Never throws for what the text says:
 * whatever is wrong is a diagnostic with line and column, and the objects beside it are still read.
 */
export function readManifests(text: string, file: string): Manifests {
  if (text.length > maxManifestBytes) {
    const result = emptyManifests();
    const todo = `larger than ${maxManifestBytes} bytes: split it`;
    result.diagnostics.push({ file, line: 1, column: 1, severity: "error", text: todo });
    return result;
  }
  const all = emptyManifests();
  for (const document of openYaml(text, file)) {
    const reading = new Reading(document.locate);
    reading.result.diagnostics.push(...document.diagnostics);
    const value = document.value;
    if (
      document.diagnostics.every((one) => one.severity !== "error") &&
      value !== null &&
      value !== undefined
    ) {
      const examiner = new Examiner();
      const object = examiner.fields(value, []);
      reading.report([], examiner.problems);
      const root = { object: object ?? {}, path: [], text: () => document.text };
      if (object !== undefined) for (const item of itemsOf(reading, root)) reading.take(item);
    }
    for (const key of Object.keys(all) as (keyof Manifests)[]) {
      for (const one of reading.result[key]) (all[key] as unknown[]).push(one);
    }
  }
  all.diagnostics = theFirst(all.diagnostics);
  return all;
}
