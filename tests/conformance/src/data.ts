/**
 * Truth tables that nobody on this project made, from `../shared/conformance` beside the repository
 * (WEIR_SHARED names another place for `shared`). Nothing of them is copied into the project.
 */
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { gunzipSync } from "node:zlib";
import type { PortProtocol, WrittenPolicy } from "@weir/policy";

const root = resolve(import.meta.dirname, "../../..");

export const directory = join(
  process.env["WEIR_SHARED"] ?? resolve(root, "../shared"),
  "conformance",
);

export interface ListedPod {
  namespace: string;
  name: string;
  labels: Record<string, string>;
  ip: string;
  ports?: { name: string; port: number; protocol: PortProtocol }[];
}

type Labels = Record<string, string>;
interface Named {
  namespace: string;
  name: string;
}

/** Exactly one of them is set. */
export interface Action {
  createPolicy?: WrittenPolicy;
  updatePolicy?: WrittenPolicy;
  deletePolicy?: Named;
  createNamespace?: { namespace: string; labels: Labels };
  deleteNamespace?: { namespace: string };
  setNamespaceLabels?: { namespace: string; labels: Labels };
  createPod?: ListedPod;
  deletePod?: Named;
  setPodLabels?: Named & { labels: Labels };
}

export interface UpstreamCase {
  id: string;
  title: string;
  pods: string[];
  steps: {
    actions: Action[] | null;
    port: number;
    protocol: PortProtocol;
    /** from, to, allowed */
    expected: Record<string, Record<string, boolean>>;
  }[];
}

export interface Upstream {
  ips: Record<string, string>;
  cases: UpstreamCase[];
}

export interface CyclonusCase {
  id: string;
  description: string;
  steps: {
    actions: Action[] | null;
    pods: ListedPod[];
    namespaces: Record<string, Labels>;
    /** from, to, `TCP/80`: `allowed` or `blocked:` and the sides that deny */
    expected: Record<string, Record<string, Record<string, string>>>;
  }[];
}

export interface Cyclonus {
  initialNamespaces: Record<string, Labels>;
  initialPods: ListedPod[];
  cases: CyclonusCase[];
}

function load(file: string): unknown {
  const path = join(directory, file);
  if (!existsSync(path)) {
    process.stderr.write(
      `skipped: ${path} is missing; set WEIR_SHARED to the folder that holds conformance/\n`,
    );
    return undefined;
  }
  const bytes = readFileSync(path);
  return JSON.parse((file.endsWith(".gz") ? gunzipSync(bytes) : bytes).toString("utf8"));
}

export function loadUpstream(): Upstream | undefined {
  return load("networkpolicy-upstream.json") as Upstream | undefined;
}

export function loadCyclonus(): Cyclonus | undefined {
  return load("networkpolicy-cyclonus.json.gz") as Cyclonus | undefined;
}
