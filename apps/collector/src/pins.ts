import { existsSync, mkdirSync, readdirSync, rmdirSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import type { CollectorConfig } from "./config.ts";

export type Side = "from" | "to";

export interface LinkPin {
  ifindex: number;
  side: Side;
  path: string;
}

/**
 * Where a node's kernel objects are pinned. Maps lie in a folder named by their layout, so that two
 * versions of weir whose maps differ never take each other's for their own.
 */
export interface Pins {
  readonly root: string;
  maps(layoutId: string): string;
  program(name: string): string;
  link(ifindex: number, side: Side): string;
  /** Of a program that notes whose a socket is. */
  note(name: string): string;
  links(): LinkPin[];
  /** Layouts that have maps here. */
  layouts(): string[];
  make(layoutId: string): void;
  removeLayout(layoutId: string): void;
  /** Takes every pin away. What a link held is detached when its last file descriptor is closed. */
  removeAll(): void;
}

/** bpffs keeps names with dots for itself. */
export function pinDirectoryOf(config: Pick<CollectorConfig, "node" | "pinDirectory">): string {
  return config.pinDirectory ?? join("/sys/fs/bpf/weir", config.node.replaceAll(".", "_"));
}

export function createPins(root: string): Pins {
  const links = join(root, "links");
  const programs = join(root, "programs");
  const mapsOf = (layoutId: string): string => join(root, `maps-${layoutId}`);
  return {
    root,
    maps: mapsOf,
    program: (name) => join(programs, name),
    link: (ifindex, side) => join(links, `${ifindex}-${side}`),
    note: (name) => join(links, name),
    links: () => list(links).flatMap((name) => readLinkName(links, name)),
    layouts: () =>
      list(root)
        .filter((name) => name.startsWith("maps-"))
        .map((name) => name.slice("maps-".length)),
    make(layoutId) {
      for (const folder of [links, programs, mapsOf(layoutId)]) {
        mkdirSync(folder, { recursive: true, mode: 0o700 });
      }
    },
    removeLayout: (layoutId) => removeFolder(mapsOf(layoutId)),
    removeAll() {
      for (const name of list(root)) removeFolder(join(root, name));
      removeFolder(root);
      removeIfEmpty(join(root, ".."));
    },
  };
}

function readLinkName(folder: string, name: string): LinkPin[] {
  const match = /^(\d+)-(from|to)$/.exec(name);
  if (match === null) return [];
  return [{ ifindex: Number(match[1]), side: match[2] as Side, path: join(folder, name) }];
}

function list(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}

function removeFolder(folder: string): void {
  for (const name of list(folder)) unlinkSync(join(folder, name));
  if (existsSync(folder)) rmdirSync(folder);
}

/** The folder above is shared by the nodes of this machine; only /sys/fs/bpf itself is not ours. */
function removeIfEmpty(folder: string): void {
  if (folder === "/sys/fs/bpf" || list(folder).length > 0) return;
  try {
    rmdirSync(folder);
  } catch {
    // Another node's collector was quicker, or has just begun.
  }
}
