import { existsSync } from "node:fs";
import { join } from "node:path";
import { BpfMap, BpfObject } from "libbpf-ts";
import type { BpfProgram, OpenOptions, TypedMap } from "libbpf-ts";
import type { Log } from "@weir/runtime";
import type { CollectorConfig } from "./config.ts";
import { journalPages } from "./journal.ts";
import { layoutIdOf } from "./layout.ts";
import { createPins, pinDirectoryOf } from "./pins.ts";
import type { Pins } from "./pins.ts";
import type { ProgramFile } from "./program-file.ts";
import { attachNotes, planNotes, withoutNotes } from "./socket-notes.ts";
import type { NotePlan } from "./socket-notes.ts";

/** Every map of bpf/maps.h; all of them are pinned. */
const mapNames = [
  "flows",
  "untracked",
  "flow_use",
  "budgets",
  "fragments",
  "events",
  "sequences",
  "drops",
  "odometer_slots",
  "odometers",
  "local_addresses",
  "redirect",
  "blocks",
  "journal",
  "endpoints",
  "settings",
  "policy_epoch",
  "policy_state",
  "identities",
  "rules",
  "endpoint_policies",
  "answers",
  "answer_counts",
  "socket_owners",
  "processes",
] as const;

/** Of bpf/shared.h, in the programs for Linux before 5.12. */
const lockNames = ["stripes", "takers"] as const;

type MapName = (typeof mapNames | typeof lockNames)[number];

const programNames = [
  "from_workload",
  "to_workload",
  "from_workload_l3",
  "to_workload_l3",
] as const;

export type ProgramName = (typeof programNames)[number];

export interface Settings {
  active_timeout_ns: bigint;
  tcp_opening_timeout_ns: bigint;
  tcp_established_timeout_ns: bigint;
  tcp_closed_timeout_ns: bigint;
  udp_timeout_ns: bigint;
  icmp_timeout_ns: bigint;
  other_timeout_ns: bigint;
  edge_interval_ns: bigint;
  edge_burst_ns: bigint;
  flows_max: number;
  flows_share: number;
  flush: number;
}

/** The loaded programs and the maps they share with whoever came before and comes after. */
export interface Datapath extends Disposable {
  readonly object: BpfObject;
  readonly pins: Pins;
  /** True when the maps were there already: flows, verdicts and policy go on. */
  readonly takenOver: boolean;
  /** Layouts of another version whose maps are pinned here too. */
  readonly foreignLayouts: string[];
  /** One of those holds a policy. */
  readonly replacesPolicy: boolean;
  map(name: MapName): BpfMap;
  program(name: ProgramName): BpfProgram;
  setFlush(flush: boolean): void;
  /** Notes from now on whose each new socket is, and of those that are open; as far as can be. */
  noteSockets(): void;
  /** What of that can be, as `weir status` has it. */
  readonly noteHooks: Record<string, string>;
  readonly programFile: ProgramFile;
  /** Takes the pins of maps of other layouts away; their programs have been replaced. */
  forgetForeignLayouts(): void;
}

/**
 * Loads the programs on the pinned maps, or makes the maps where there are none. Attaches nothing.
 * Throws when the object is missing (run infra/setup) or the kernel refuses it.
 */
export function openDatapath(
  config: CollectorConfig,
  log: Log,
  programFile: ProgramFile,
): Datapath {
  const source = programFile.path;
  if (!existsSync(source)) {
    throw new Error(`${source} is missing; run "npm run setup", which compiles it`);
  }
  const pins = createPins(pinDirectoryOf(config));
  const able = withinReach(config, programFile);
  // Opening loads nothing yet: it tells the layout that the pins' folder is named by.
  using probe = BpfObject.open(source);
  const layoutId = layoutIdOf(probe.btf);
  const layouts = pins.layouts();
  const takenOver = layouts.includes(layoutId);
  const foreignLayouts = layouts.filter((layout) => layout !== layoutId);
  const folder = pins.maps(layoutId);
  pins.make(layoutId);
  const options: OpenOptions = {
    settings: settingsAtLoad(able),
    maps: Object.fromEntries(
      [...mapNames, ...(programFile.isComplete ? [] : lockNames)].map((name) => [
        name,
        { pinnedAt: `${folder}/${name}`, ...sizeOf(name, `${folder}/${name}`, config, log) },
      ]),
    ),
  };
  let loaded: Loaded | undefined;
  try {
    loaded = load(source, options, planNotes(able), log);
    pinPrograms(loaded.object, pins);
  } catch (error) {
    loaded?.object.close();
    if (!layouts.includes(layoutId)) pins.removeLayout(layoutId);
    throw notLoaded(error as Error, pins);
  }
  const { object, notes } = loaded;
  const settings: TypedMap<number, Settings> = object.map("settings").typed();
  const setFlush = (flush: boolean): void =>
    settings.set(0, settingsOf(config, object.map("flows").maxEntries, flush));
  setFlush(false);
  return {
    object,
    pins,
    takenOver,
    foreignLayouts,
    replacesPolicy: foreignLayouts.some((layout) => hadPolicy(pins, layout)),
    map: (name) => object.map(name),
    program: (name) => object.program(name),
    setFlush,
    noteSockets: () => attachNotes(notes, object, pins, log),
    noteHooks: notes.hooks,
    programFile,
    forgetForeignLayouts: () => foreignLayouts.forEach((layout) => pins.removeLayout(layout)),
    [Symbol.dispose]: () => object.close(),
  };
}

/** The configuration without what these programs cannot do. */
function withinReach(config: CollectorConfig, { isComplete }: ProgramFile): CollectorConfig {
  return isComplete ? config : { ...config, enrich: { ...config.enrich, process: "off" } };
}

interface Loaded {
  object: BpfObject;
  notes: NotePlan;
}

/** Where the programs that note sockets are refused, those that judge packets go without them. */
function load(source: string, options: OpenOptions, notes: NotePlan, log: Log): Loaded {
  const programs = Object.fromEntries(notes.programs.map((name) => [name, { autoload: true }]));
  const object = BpfObject.open(source, { ...options, programs });
  try {
    return { object: object.load(), notes };
  } catch (error) {
    object.close();
    if (notes.programs.length === 0) throw error;
    const without = load(source, options, withoutNotes(error as Error), log);
    log.warn({ error }, "whose sockets are will not be known: the kernel refuses the programs");
    return without;
  }
}

/** Constants of the programs: the verifier drops what is off. */
function settingsAtLoad({
  enrich,
  dns,
  denyUnknownEndpoints,
}: CollectorConfig): Record<string, number | bigint> {
  const isOn = (choice: string): number => (choice === "off" ? 0 : 1);
  return {
    unknown_endpoint_denied: denyUnknownEndpoints ? 1 : 0,
    keep_answers: isOn(enrich.dns),
    answer_interval_ns: BigInt(Math.round(1e9 / dns.maxAnswersPerSecond)),
    answer_burst_ns: 2_000_000_000n,
    enrich_timing: isOn(enrich.timing),
    enrich_socket: isOn(enrich.socket),
    enrich_process: isOn(enrich.process),
  };
}

/** The epoch is one word in every layout; a map that is not what it should be counts as in use. */
function hadPolicy(pins: Pins, layout: string): boolean {
  const path = join(pins.maps(layout), "policy_epoch");
  if (!existsSync(path)) return false;
  using epochs = BpfMap.openPinned(path);
  const [first] = epochs.entries();
  return first === undefined || first[1].some((byte) => byte !== 0);
}

function notLoaded(cause: Error, pins: Pins): Error {
  const interfaces = new Set(pins.links().map((one) => one.ifindex)).size;
  if (interfaces === 0) return cause;
  const kept = `those in place at ${interfaces} interfaces go on with the policy they have`;
  return new Error(`the programs do not load; ${kept}: ${cause.message}`, { cause });
}

/** A pinned map keeps its size: what it holds is worth more than a new setting. */
function sizeOf(
  name: MapName,
  path: string,
  config: CollectorConfig,
  log: Log,
): { maxEntries?: number } {
  const wanted = {
    flows: config.flowsMaxEntries,
    untracked: config.untrackedMaxEntries,
    events: config.ringBytes,
    answers: config.dns.ringBytes,
    journal: journalPages(config.maxBlockRecords),
  }[name as string];
  if (wanted === undefined) return {};
  if (!existsSync(path)) return { maxEntries: wanted };
  using pinned = BpfMap.openPinned(path);
  if (pinned.maxEntries !== wanted) {
    log.warn(
      { map: name, pinned: pinned.maxEntries, wanted },
      "the pinned map has another size and is kept; `weir collector --remove` makes room for the new size",
    );
  }
  return { maxEntries: pinned.maxEntries };
}

/** For whoever has to take clsact filters away after us: those have no link of their own. */
function pinPrograms(object: BpfObject, pins: Pins): void {
  for (const name of programNames) {
    const path = pins.program(name);
    const program = object.program(name);
    if (existsSync(path)) program.unpin(path);
    program.pin(path);
  }
}

function settingsOf(config: CollectorConfig, flowsMax: number, flush: boolean): Settings {
  const edgeIntervalNs = 1_000_000_000 / config.edgeRate;
  const ns = (milliseconds: number): bigint => BigInt(milliseconds) * 1_000_000n;
  const idle = config.idleTimeoutMs;
  return {
    active_timeout_ns: ns(config.activeTimeoutMs),
    tcp_opening_timeout_ns: ns(idle.tcpOpening),
    tcp_established_timeout_ns: ns(idle.tcpEstablished),
    tcp_closed_timeout_ns: ns(idle.tcpClosed),
    udp_timeout_ns: ns(idle.udp),
    icmp_timeout_ns: ns(idle.icmp),
    other_timeout_ns: ns(idle.other),
    edge_interval_ns: BigInt(Math.round(edgeIntervalNs)),
    edge_burst_ns: BigInt(Math.round(edgeIntervalNs * config.edgeBurst)),
    flows_max: flowsMax,
    flows_share: config.flowsShare,
    flush: flush ? 1 : 0,
  };
}
