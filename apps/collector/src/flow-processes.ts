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
const recordWords = flowRecordBytes / 4;
const processWord = flowLayout.process.offset / 4;

export function createFlowProcesses(options: FlowProcessesOptions): FlowProcesses {
  return new ListedProcesses(options);
}

/** A process that is remembered, and where the latest block that listed it has it. */
interface Known {
  process: FlowProcess;
  /** There was no time for it yet. */
  isUnread: boolean;
  block: number;
  place: number;
}

class ListedProcesses implements FlowProcesses {
  readonly counters: ProcessCounters = { evicted: 0, gone: 0, skipped: 0 };
  readonly #options: FlowProcessesOptions;
  readonly #known: ProcessTable<Known>;
  readonly #bootUs: number;
  #block = 0;
  #reads = 0;

  constructor(options: FlowProcessesOptions) {
    this.#options = options;
    this.#known = new ProcessTable(Math.max(1, options.maxProcesses >> 1));
    this.#bootUs = bootTimeUs(options.proc);
  }

  into(records: Uint8Array, count: number): FlowProcess[] {
    const listed: FlowProcess[] = [];
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
        if (known.isUnread) this.#read(known);
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
    const seen = this.#options.lookUp(key);
    const known = {
      process: {
        pid: low & (2 ** pidBits - 1),
        start: this.#bootUs + Number(key >> BigInt(pidBits)) * tickUs,
        comm: seen === undefined ? "" : commText(seen.comm),
        ...{ executable: "", container: "" },
        cgroup_id: Number(seen?.cgroup_id ?? 0n),
      },
      ...{ isUnread: true, block: 0, place: 0 },
    };
    this.#known.add(low, high, known);
    return known;
  }

  #read(known: Known): void {
    const { process } = known;
    if (this.#reads === this.#options.maxReadsPerBlock) {
      this.counters.skipped++;
      return;
    }
    this.#reads++;
    known.isUnread = false;
    const startTicks = Math.round((process.start - this.#bootUs) / tickUs);
    const facts = readExecutable(process.pid, startTicks, this.#options.proc);
    if (facts === undefined) this.counters.gone++;
    else Object.assign(process, facts);
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
