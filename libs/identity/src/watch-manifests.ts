import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { formatDiagnostic, readManifests } from "@weir/policy";
import type { Manifests } from "@weir/policy";
import { watchFolders } from "./folder-watch.ts";
import { manifestWorkloads } from "./manifest-workloads.ts";
import type { WorkloadListener, WorkloadSource } from "./source.ts";

/** Folders within folders are followed this deep. */
const MAX_DEPTH = 8;

/**
 * Follows Kubernetes manifests: a file, or a folder with all below it (*.yaml, *.yml, *.json). A
 * pod is known since the file that names it was written. A text with errors is reported, and the
 * file's objects stay what they were.
 */
export function watchManifests(
  path: string,
  listener: WorkloadListener,
  options: { rescanMs?: number } = {},
): WorkloadSource {
  const name = "manifests";
  let only: string | undefined;
  let missing = false;
  const folder = watchFolders<{ manifests: Manifests; sinceUs: number }>({
    async folders() {
      const kind = await kindOf(path);
      if (kind === "missing" && !missing) {
        listener.onError(name, new Error("there is no such file or folder"), path);
      }
      missing = kind === "missing";
      only = kind === "file" ? basename(path) : undefined;
      return only === undefined ? below(path, 0) : [dirname(path)];
    },
    match: (file) => (only === undefined ? /^[^.].*\.(yaml|yml|json)$/.test(file) : file === only),
    parse(text, file, mtimeMs) {
      const manifests = readManifests(text, file);
      const wrong = manifests.diagnostics.find((one) => one.severity === "error");
      if (wrong) throw new Error(formatDiagnostic(wrong));
      return { manifests, sinceUs: Math.floor(mtimeMs) * 1000 };
    },
    onChange({ values, complete }) {
      const files = [...values.values()];
      const namespaces = files.flatMap((one) => one.manifests.namespaces);
      const workloads = files.flatMap((one) =>
        manifestWorkloads(one.manifests, namespaces, one.sinceUs),
      );
      listener.onSnapshot(name, { workloads, complete: complete && !missing });
    },
    onError: (error, where) => listener.onError(name, error, where),
    ...options,
  });
  return { name, ready: folder.ready, close: () => folder.close() };
}

async function kindOf(path: string): Promise<"file" | "folder" | "missing"> {
  try {
    return (await stat(path)).isFile() ? "file" : "folder";
  } catch {
    return "missing";
  }
}

async function below(folder: string, depth: number): Promise<string[]> {
  if (depth >= MAX_DEPTH) return [folder];
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    const inner = entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith("."));
    const deeper = await Promise.all(inner.map((one) => below(join(folder, one.name), depth + 1)));
    return [folder, ...deeper.flat()];
  } catch {
    return [folder];
  }
}
