import { readFileSync } from "node:fs";
import { flowLayout, flowRecordBytes } from "@weir/codec";
import type { FlowProcess } from "@weir/codec";
import { readExecutable } from "./executable.ts";
import { ProcessTable } from "./process-table.ts";

/** What the kernel's map has of a process. */
export interface KernelProcess {
  cgroup_id: bigint;
  pid: number;
  comm: Uint8Array;
}

export interface FlowProcessesOptions {
  /** Of the map `processes`: undefined where it has forgotten. */
  lookUp: (key: bigint) => KernelProcess | undefined;
  /** Processes remembered. */
  maxProcesses: number;
  /** Programs looked up in /proc for one block: a fork bomb must not hold up the flows. */
  maxReadsPerBlock: number;
  proc?: string;
  nowMs?: () => number;
}

export interface ProcessCounters {
  /** Forgotten for others. */
  evicted: number;
  /** Gone before their program could be read. */
  gone: number;
  /** Left for a later block, which may come too late. */
  skipped: number;
}

/** Turns the kernel's keys of processes into places in the list of a block. */
export interface FlowProcesses {
  /** Writes `process` of the first `count` records and returns the list that it counts. */
  into(records: Uint8Array, count: number): FlowProcess[];
  readonly counters: Readonly<ProcessCounters>;
}

/** WEIR_PROCESS_PID_BITS; the rest of a key is the start, in ticks of 10 ms since boot. */
const pidBits = 22;
const tickUs = 10_000;
/** A process may put another program in its place. */
const rereadMs = 60_000;
const recordWords = flowRecordBytes / 4;
const processWord = flowLayout.process.offset / 4;

export function createFlowProcesses(options: FlowProcessesOptions): FlowProcesses {
  return new ListedProcesses(options);
}

/** A process that is remembered, and where the latest block that listed it has it. */
interface Known {
  key: bigint;
  process: FlowProcess;
  /** When its program is looked up next; 0: there was no time for it yet. */
  readAtMs: number;
  block: number;
  place: number;
}

class ListedProcesses implements FlowProcesses {
  readonly counters: ProcessCounters = { evicted: 0, gone: 0, skipped: 0 };
  readonly #options: FlowProcessesOptions;
  readonly #known: ProcessTable<Known>;
  readonly #bootUs: number;
  readonly #nowMs: () => number;
  #block = 0;
  #reads = 0;

  constructor(options: FlowProcessesOptions) {
    this.#options = options;
    this.#known = new ProcessTable(Math.max(1, options.maxProcesses >> 1));
    this.#bootUs = bootTimeUs(options.proc);
    this.#nowMs = options.nowMs ?? (() => performance.now());
  }

  into(records: Uint8Array, count: number): FlowProcess[] {
    const listed: FlowProcess[] = [];
    const nowMs = this.#nowMs();
    this.#block++;
    this.#reads = 0;
    const words = new Uint32Array(records.buffer, records.byteOffset, count * recordWords);
    let known: Known | undefined;
    let [knownLow, knownHigh] = [0, 0];
    for (let at = processWord; at < words.length; at += recordWords) {
      const low = words[at] as number;
      const high = words[at + 1] as number;
      if (low === 0 && high === 0) continue;
      // Neighbours are often one process'.
      if (known === undefined || low !== knownLow || high !== knownHigh) {
        known = this.#known.find(low, high) ?? this.#meet(low, high);
        [knownLow, knownHigh] = [low, high];
      }
      if (known.block !== this.#block) {
        if (nowMs >= known.readAtMs) this.#read(known, nowMs);
        known.block = this.#block;
        known.place = listed.push(known.process);
      }
      words[at] = known.place;
      words[at + 1] = 0;
    }
    this.counters.evicted = this.#known.evicted;
    return listed;
  }

  #meet(low: number, high: number): Known {
    const key = (BigInt(high) << 32n) | BigInt(low);
    const known = {
      key,
      process: {
        pid: low & (2 ** pidBits - 1),
        start: this.#bootUs + Number(key >> BigInt(pidBits)) * tickUs,
        ...{ comm: "", executable: "", cgroup_id: 0, container: "" },
      },
      ...{ readAtMs: 0, block: 0, place: 0 },
    };
    this.#known.add(low, high, known);
    return known;
  }

  /** What the kernel knows at once, and the program where there is time for it. */
  #read(known: Known, nowMs: number): void {
    const { key, process } = known;
    const isFirst = known.readAtMs === 0;
    const seen = this.#options.lookUp(key);
    if (seen !== undefined) {
      process.comm = commText(seen.comm);
      process.cgroup_id = Number(seen.cgroup_id);
    }
    if (this.#reads === this.#options.maxReadsPerBlock) {
      this.counters.skipped++;
      return;
    }
    this.#reads++;
    const facts = readExecutable(process.pid, Number(key >> BigInt(pidBits)), this.#options.proc);
    known.readAtMs = facts === undefined ? Infinity : nowMs + rereadMs;
    if (facts !== undefined) Object.assign(process, facts);
    else if (isFirst) this.counters.gone++;
  }
}

function commText(comm: Uint8Array): string {
  const end = comm.indexOf(0);
  return Buffer.from(comm.subarray(0, end === -1 ? comm.length : end)).toString("utf8");
}

/** Microseconds since 1970, to 10 ms. */
function bootTimeUs(proc = "/proc"): number {
  const [upSeconds] = readFileSync(`${proc}/uptime`, "latin1").split(" ");
  return Math.round(Date.now() * 1000 - Number(upSeconds) * 1e6);
}
