import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { run } from "./process.ts";

/** Everything of ours that a run could leave on a machine, as sorted lines that can be compared. */
export async function leftovers(): Promise<string[]> {
  const found = [
    ...(await namespaces()),
    ...(await kernelObjects()),
    ...below("/sys/fs/bpf/weir", "pin"),
    ...below("/run/weir", "run file"),
    ...cgroups(),
    ...mounts(),
    ...processes(),
    ...temporary(),
  ];
  return found.toSorted();
}

/** What is there now and was not in `before`. */
export async function leftSince(before: string[]): Promise<string[]> {
  const known = new Set(before);
  return (await leftovers()).filter((line) => !known.has(line));
}

async function namespaces(): Promise<string[]> {
  const { stdout } = await run("ip", ["netns", "list"]);
  return stdout
    .split("\n")
    .map((line) => line.split(" ")[0] ?? "")
    .filter((name) => name.startsWith("weir"))
    .map((name) => `namespace ${name}`);
}

interface KernelObject {
  id: number;
  type: string;
  name?: string;
}

/** Programs, maps and links by id: the test compares sets, so others' objects do not matter. */
async function kernelObjects(): Promise<string[]> {
  const lists = await Promise.all(
    ["prog", "map", "link"].map(async (kind) => {
      const { stdout } = await run("bpftool", ["-j", kind, "show"]);
      const objects = JSON.parse(stdout || "[]") as KernelObject[];
      return objects.map((one) => `${kind} ${one.id} ${one.type} ${one.name ?? ""}`);
    }),
  );
  return lists.flat();
}

function below(directory: string, kind: string): string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => `${kind} ${join(entry.parentPath, entry.name)}`);
}

function cgroups(): string[] {
  return ["/sys/fs/cgroup/weir", "/sys/fs/cgroup/unified/weir"]
    .filter((directory) => existsSync(directory))
    .flatMap((directory) =>
      readdirSync(directory, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .map((entry) => `cgroup ${join(entry.parentPath, entry.name)}`),
    );
}

function mounts(): string[] {
  return readFileSync("/proc/mounts", "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => `mount ${line.split(" ").slice(0, 3).join(" ")}`);
}

/** Processes whose command line names a file of this checkout's apps or lab. */
function processes(): string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
        return /apps\/cli\/src\/main|infra\/lab\/src|\/labs\/[^/]+\/program/.test(command)
          ? [`process ${pid} ${command.trim()}`]
          : [];
      } catch {
        return [];
      }
    });
}

function temporary(): string[] {
  return ["/tmp", "/dev/shm"].flatMap((directory) =>
    readdirSync(directory)
      .filter((name) => /weir|chdb/i.test(name))
      .map((name) => `temporary ${join(directory, name)}`),
  );
}
