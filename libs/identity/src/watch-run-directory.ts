import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { EndpointFile, NodeFile } from "./endpoint.ts";
import { watchFolders } from "./folder-watch.ts";

/** The nodes that live on this machine and the endpoints of each. */
export interface RunState {
  nodes: NodeFile[];
  endpoints: EndpointFile[];
}

export interface RunDirectoryListener {
  /** After the first look, and whenever something changed. */
  onState(state: RunState): void;
  onError(error: Error, path: string): void;
}

export interface RunDirectoryWatch {
  /** Resolves after the first `onState`. */
  readonly ready: Promise<void>;
  /** Looks again now. */
  rescan(): Promise<void>;
  close(): Promise<void>;
}

/** Follows `<run>/nodes/*.json` and `<run>/endpoints/<node>/*.json`, of one node or of all. */
export function watchRunDirectory(
  runDirectory: string,
  listener: RunDirectoryListener,
  options: { node?: string; rescanMs?: number } = {},
): RunDirectoryWatch {
  const nodes = join(runDirectory, "nodes");
  const endpoints = join(runDirectory, "endpoints");
  return watchFolders<NodeFile | EndpointFile>({
    folders: async () => [nodes, endpoints, ...(await nodeFolders(endpoints, options.node))],
    match: (file) => file.endsWith(".json") && !file.startsWith("."),
    parse,
    onChange: ({ values }) => {
      const all = [...values.values()].filter(
        (file) => options.node === undefined || file.node === options.node,
      );
      listener.onState({
        nodes: all.filter((file): file is NodeFile => !("pod" in file)),
        endpoints: all.filter((file): file is EndpointFile => "pod" in file),
      });
    },
    onError: (error, path) => listener.onError(error, path),
    ...(options.rescanMs === undefined ? {} : { rescanMs: options.rescanMs }),
  });
}

async function nodeFolders(endpoints: string, only: string | undefined): Promise<string[]> {
  if (only !== undefined) return [join(endpoints, only)];
  try {
    const entries = await readdir(endpoints, { withFileTypes: true });
    return entries
      .filter((entry) => entry.isDirectory())
      .map((entry) => join(endpoints, entry.name));
  } catch {
    return [];
  }
}

function parse(text: string): NodeFile | EndpointFile {
  const value = JSON.parse(text) as Partial<EndpointFile>;
  if (typeof value.node !== "string" || !Array.isArray(value.addresses)) {
    throw new Error("neither a node nor an endpoint: `node` and `addresses` are missing");
  }
  if (
    value.pod !== undefined &&
    (typeof value.interface !== "string" || typeof value.netns !== "string")
  ) {
    throw new Error("an endpoint needs `interface` and `netns`");
  }
  return value as NodeFile | EndpointFile;
}
