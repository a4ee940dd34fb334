import { existsSync, readFileSync, unlinkSync } from "node:fs";
import type { Log } from "@weir/runtime";
import { attachCgroup, attachRawTracepoint, openIterator } from "libbpf-ts";
import type { BpfObject, BpfProgram, Link } from "libbpf-ts";
import type { CollectorConfig } from "./config.ts";
import type { Pins } from "./pins.ts";

/** Programs of bpf/processes.h; none is loaded unless it is asked for. */
export const noteNames = ["socket_made", "open_sockets", "socket_received"] as const;

export type NoteName = (typeof noteNames)[number];

/** What can be noted here of whose a socket is, and why not the rest. */
export interface NotePlan {
  programs: readonly NoteName[];
  /** Where sockets are made: a folder of cgroup v2, the whole machine's. */
  cgroupPath: string;
  /** As `weir status` has them. */
  hooks: Record<string, string>;
}

interface Machine {
  mounts(): string;
  /** Types of the running kernel; a tracepoint has one that is named after it. */
  types(): Buffer;
}

const machine: Machine = {
  mounts: () => readFileSync("/proc/self/mounts", "utf8"),
  types: () => readFileSync("/sys/kernel/btf/vmlinux"),
};

export const switchedOff = "missing: not used, the configuration says off";

export function planNotes(config: CollectorConfig, from: Machine = machine): NotePlan {
  const none = { programs: [], cgroupPath: "" };
  if (config.enrich.process === "off")
    return { ...none, hooks: { process: switchedOff, process_accepted: switchedOff } };
  const cgroupPath = cgroup2Of(from.mounts());
  if (cgroupPath === undefined) {
    const missing = "missing: no cgroup v2 is mounted, where the making of sockets is told";
    return { ...none, hooks: { process: missing, process_accepted: missing } };
  }
  const missing = missingReceiver(config, from);
  return {
    cgroupPath,
    programs: ["socket_made", "open_sockets", ...(missing ? [] : (["socket_received"] as const))],
    hooks: { process: "ok", process_accepted: missing ?? "ok" },
  };
}

/** Why an accepted connection counts as its listener's. */
function missingReceiver({ enrich }: CollectorConfig, from: Machine): string | undefined {
  if (enrich.process === "listener") return switchedOff;
  if (from.types().includes("\0btf_trace_sock_recv_length\0")) return undefined;
  return "missing: the kernel does not tell who receives (Linux 6.3); an accepted connection counts as its listener's";
}

/** The plan without the programs that did not load, and why. */
export function withoutNotes({ message }: Error): NotePlan {
  const missing = `missing: ${message.split("\n")[0]}`;
  return { programs: [], cgroupPath: "", hooks: { process: missing, process_accepted: missing } };
}

function cgroup2Of(mounts: string): string | undefined {
  const lines = mounts.split("\n").map((line) => line.split(" "));
  const path = lines.find(([, , type]) => type === "cgroup2")?.[1];
  // Blanks in paths are written in octal.
  return path?.replaceAll(/\\(\d{3})/g, (_, code: string) =>
    String.fromCharCode(Number.parseInt(code, 8)),
  );
}

/**
 * Puts the plan's programs in place, for this collector's maps and pinned like its maps, so that
 * sockets are noted while none runs. Those of a collector before go once these are there. Then
 * sockets that were open before are looked for. What does not attach is said in the plan's hooks.
 */
export function attachNotes(plan: NotePlan, object: BpfObject, pins: Pins, log: Log): void {
  for (const name of noteNames) {
    if (name === "open_sockets") continue;
    const path = pins.note(name);
    const wanted = plan.programs.includes(name);
    try {
      replaceLink(wanted ? attach(name, object.program(name), plan.cgroupPath) : undefined, path);
    } catch (error) {
      const hook = name === "socket_made" ? "process" : "process_accepted";
      plan.hooks[hook] = `missing: ${(error as Error).message}`;
      log.warn({ error, program: name }, "whose sockets are will not be known");
    }
  }
  if (!plan.programs.includes("open_sockets")) return;
  try {
    findOpenSockets(object.program("open_sockets"));
  } catch (error) {
    plan.hooks["process"] =
      `missing: of sockets that were open before: ${(error as Error).message}`;
    log.warn({ error }, "whose the sockets are that were open before will not be known");
  }
}

function attach(name: NoteName, program: BpfProgram, cgroupPath: string): Link {
  if (name === "socket_made") return attachCgroup(program, { cgroupPath });
  return attachRawTracepoint(program, { name: "" });
}

function replaceLink(link: Link | undefined, path: string): void {
  try {
    if (existsSync(path)) unlinkSync(path);
    link?.pin(path);
  } finally {
    link?.close();
  }
}

/** The program writes nothing; it has to be read to its end to be run at all. */
function findOpenSockets(program: BpfProgram): void {
  using reader = openIterator(program);
  const buffer = new Uint8Array(4096);
  while (reader.readInto(buffer) > 0);
}
