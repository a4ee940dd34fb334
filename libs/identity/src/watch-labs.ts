import { join } from "node:path";
import { watchFolders } from "./folder-watch.ts";
import type { LabFile } from "./lab-file.ts";
import { labWorkloads } from "./lab-workloads.ts";
import type { WorkloadListener, WorkloadSource } from "./source.ts";

/** Follows `<run>/labs/*.json`: the pods, services and nodes of every lab of this machine. */
export function watchLabs(
  runDirectory: string,
  listener: WorkloadListener,
  options: { rescanMs?: number } = {},
): WorkloadSource {
  const name = "labs";
  const folder = watchFolders({
    folders: () => [join(runDirectory, "labs")],
    match: (file) => file.endsWith(".json") && !file.startsWith("."),
    parse: (text) => labWorkloads(JSON.parse(text) as LabFile),
    onChange: ({ values, complete }) =>
      listener.onSnapshot(name, { workloads: [...values.values()].flat(), complete }),
    onError: (error, path) => listener.onError(name, error, path),
    ...options,
  });
  return { name, ready: folder.ready, close: () => folder.close() };
}
