import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { removeVoidSigns } from "@weir/identity";
import type { EndpointFile, LabFile, NodeFile } from "@weir/identity";

/** Longest path of a unix socket that the kernel takes, in bytes. */
export const SOCKET_PATH_MAX = 107;

/** Where the lab keeps its files: `/run/weir`, or what WEIR_RUN names. */
export function defaultRunDirectory(): string {
  return process.env["WEIR_RUN"] ?? "/run/weir";
}

/** Paths of everything a lab writes below its run directory. */
export function labPaths(runDirectory: string, lab: string) {
  const labs = join(runDirectory, "labs");
  return {
    labs,
    state: join(labs, `${lab}.json`),
    /** What the pods' processes need: specs, sockets, logs, resolv.conf. */
    files: join(labs, lab),
  };
}

/** Files for a node's collector, as EndpointFile's contract has them. */
export const nodePath = (runDirectory: string, node: string): string =>
  join(runDirectory, "nodes", `${node}.json`);
export const endpointsPath = (runDirectory: string, node: string): string =>
  join(runDirectory, "endpoints", node);
export const endpointPath = (runDirectory: string, node: string, ns: string, pod: string): string =>
  join(endpointsPath(runDirectory, node), `${ns}_${pod}.json`);

/** Files of one pod's process, named by its cgroup id: short enough for a socket's path. */
export function podPaths(runDirectory: string, lab: string, cgroupId: string) {
  const stem = join(labPaths(runDirectory, lab).files, cgroupId);
  return {
    spec: `${stem}.json`,
    socket: `${stem}.sock`,
    log: `${stem}.log`,
    resolv: `${stem}.resolv`,
    hosts: `${stem}.hosts`,
    all: [".json", ".sock", ".log", ".resolv", ".hosts"].map((ending) => stem + ending),
  };
}

/** Writes a whole file by rename: a reader sees the old one or the new one. */
export function writeByRename(path: string, content: NodeFile | EndpointFile | LabFile): void {
  mkdirSync(dirname(path), { recursive: true });
  const next = join(dirname(path), `.${basename(path)}.${process.pid}`);
  writeFileSync(next, `${JSON.stringify(content, null, 1)}\n`);
  renameSync(next, path);
}

/** The lab's state, or undefined when there is no such lab. */
export function readLab(runDirectory: string, lab: string): LabFile | undefined {
  const { state } = labPaths(runDirectory, lab);
  return existsSync(state) ? (JSON.parse(readFileSync(state, "utf8")) as LabFile) : undefined;
}

export function writeLab(runDirectory: string, lab: LabFile): void {
  writeByRename(labPaths(runDirectory, lab.lab).state, lab);
}

/** Every lab of this run directory. */
export function readLabs(runDirectory: string): LabFile[] {
  const directory = join(runDirectory, "labs");
  if (!existsSync(directory)) return [];
  return readdirSync(directory)
    .filter((name) => name.endsWith(".json") && !name.startsWith("."))
    .toSorted()
    .map((name) => readLab(runDirectory, basename(name, ".json")))
    .filter((lab) => lab !== undefined);
}

/** Takes back what collectors attach by, so that they let go of a lab that is about to end. */
export function removeCollectorFiles(runDirectory: string, lab: LabFile): void {
  for (const node of lab.nodes) {
    rmSync(endpointsPath(runDirectory, node.name), { recursive: true, force: true });
    rmSync(nodePath(runDirectory, node.name), { force: true });
  }
}

/** Removes a lab's files, the state last: until then the next `down` can go on where this stopped. */
export function removeLabFiles(runDirectory: string, lab: string): void {
  const paths = labPaths(runDirectory, lab);
  rmSync(paths.files, { recursive: true, force: true });
  rmSync(paths.state, { force: true });
  removeHalfWritten(runDirectory);
  removeVoidSigns(runDirectory);
  for (const directory of ["nodes", "endpoints", "collectors", "labs", "."]) {
    removeIfEmpty(join(runDirectory, directory));
  }
}

/** A writer that was killed between write and rename leaves a dot file whose last part is its pid. */
function removeHalfWritten(runDirectory: string): void {
  for (const directory of [join(runDirectory, "nodes"), join(runDirectory, "labs")]) {
    if (!existsSync(directory)) continue;
    for (const name of readdirSync(directory)) {
      const pid = /^\..+\.json\.(\d+)$/.exec(name)?.[1];
      if (pid !== undefined && !existsSync(`/proc/${pid}`)) rmSync(join(directory, name));
    }
  }
}

export function removeIfEmpty(directory: string): void {
  try {
    rmdirSync(directory);
  } catch {
    // Somebody else's files are in it, or it is gone already.
  }
}
