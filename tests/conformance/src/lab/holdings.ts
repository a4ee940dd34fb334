import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import type { LabBed } from "./bed.ts";

/** What the lab and the stations of this process have of the kernel, by kind. */
export function holdingsOf(bed: LabBed): Record<string, number> {
  const { name, runDirectory } = bed.at;
  const pins = bed.collectors.collectors.flatMap(({ node }) =>
    filesBelow(`/sys/fs/bpf/weir/${node}`),
  );
  return {
    ...openFiles(),
    pins: pins.length,
    "pinned links": pins.filter((path) => path.includes("/links/")).length,
    namespaces: readdirSync("/run/netns").filter((one) => one.startsWith(`weir-${name}`)).length,
    "node interfaces": bed.collectors.collectors
      .map(({ node }) => linksIn(`weir-${name}-${node.slice(node.indexOf("node-"))}`))
      .reduce((sum, one) => sum + one, 0),
    cgroups: cgroups(name),
    "run files": filesBelow(runDirectory).length,
    ...mapEntries(bed),
  };
}

/** Descriptors of this process: maps, programs and links each for themselves. */
function openFiles(): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const fd of readdirSync("/proc/self/fd")) {
    const kind = kindOf(fd);
    if (kind !== undefined) counts[kind] = (counts[kind] ?? 0) + 1;
  }
  return counts;
}

function kindOf(fd: string): string | undefined {
  try {
    const target = readlinkSync(`/proc/self/fd/${fd}`);
    const [, kind] = /^anon_inode:\[?(bpf[-_]\w+)/.exec(target) ?? [];
    return kind === undefined ? "other descriptors" : `${kind} descriptors`;
  } catch {
    // The one that the folder was read by.
    return undefined;
  }
}

/** Entries that there is one of for each interface. */
function mapEntries(bed: LabBed): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { node } of bed.collectors.collectors) {
    for (const path of filesBelow(`/sys/fs/bpf/weir/${node}`)) {
      const [, map] = /\/maps-[^/]+\/(endpoints|local_addresses|odometers)$/.exec(path) ?? [];
      if (map === undefined) continue;
      const text = execFileSync("bpftool", ["-j", "map", "dump", "pinned", path], {
        encoding: "utf8",
      });
      counts[`${map} entries`] = (counts[`${map} entries`] ?? 0) + (JSON.parse(text) as []).length;
    }
  }
  return counts;
}

function linksIn(netns: string): number {
  const text = execFileSync("nsenter", [`--net=/run/netns/${netns}`, "ip", "-o", "link"], {
    encoding: "utf8",
  });
  return text.trim().split("\n").length;
}

function cgroups(lab: string): number {
  const roots = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"].map((root) => join(root, "weir", lab));
  const root = roots.find((one) => existsSync(one));
  if (root === undefined) return 0;
  return readdirSync(root, { recursive: true, withFileTypes: true }).filter((one) =>
    one.isDirectory(),
  ).length;
}

function filesBelow(directory: string): string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name));
}
