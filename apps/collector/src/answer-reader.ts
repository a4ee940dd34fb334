import { readDnsAnswer } from "@weir/identity";
import type { AnsweredNames } from "@weir/identity";
import { RingReader } from "libbpf-ts";
import type { BpfMap } from "libbpf-ts";

/** struct weir_answer of bpf/wire.h, then the message. */
const layout = { time: 0, ifindex: 8, bytes: 12, message: 16 } as const;
/** WEIR_ANSWER_BYTES_MAX. */
const maxMessageBytes = 1472;

/** enum weir_answers. */
const counted = { kept: 0, ringFull: 1, unfit: 2, overBudget: 3 } as const;

export interface AnswerReaderOptions {
  /** The maps `answers` and `answer_counts`. */
  answers: BpfMap;
  counts: BpfMap;
  names: AnsweredNames;
  /** Most answers that are read at once: reading them must not hold up the flows. */
  maxPerDrain: number;
}

export interface AnswerCounters {
  /** Led to a name. */
  learned: number;
  /** No address was asked for or found. */
  void: number;
  malformed: number;
}

export interface AnswerLosses {
  ringFull: number;
  unfit: number;
  /** Of a workload that got more of them than it may. */
  overBudget: number;
}

/** DNS answers that workloads got, from the kernel's ring into the table of names. */
export interface AnswerReader extends Disposable {
  /** Reads what is there, up to the bound; never blocks. Returns how many. */
  drain(): number;
  /** What the kernel did not copy, since the maps were made. */
  lost(): AnswerLosses;
  readonly counters: Readonly<AnswerCounters>;
}

export function createAnswerReader(options: AnswerReaderOptions): AnswerReader {
  return new RingAnswerReader(options);
}

class RingAnswerReader implements AnswerReader {
  readonly counters: AnswerCounters = { learned: 0, void: 0, malformed: 0 };
  readonly #options: AnswerReaderOptions;
  readonly #ring: RingReader;
  readonly #buffer: Uint8Array;
  readonly #view: DataView;
  readonly #offsets: Uint32Array;

  constructor(options: AnswerReaderOptions) {
    this.#options = options;
    this.#ring = new RingReader(options.answers);
    this.#buffer = new Uint8Array(64 << 10);
    this.#view = new DataView(this.#buffer.buffer);
    this.#offsets = new Uint32Array(65);
  }

  drain(): number {
    const most = this.#options.maxPerDrain;
    let left = most;
    while (left > 0) {
      const offsets = this.#offsets.subarray(0, Math.min(left + 1, this.#offsets.length));
      const count = this.#ring.drainVariable(this.#buffer, offsets);
      if (count === 0) break;
      for (let index = 0; index < count; index++)
        this.#learn(this.#offsets[index] as number, this.#offsets[index + 1] as number);
      left -= count;
    }
    return most - left;
  }

  #learn(begin: number, end: number): void {
    const bytes =
      end - begin < layout.message ? 0 : this.#view.getUint32(begin + layout.bytes, true);
    if (bytes === 0 || bytes > maxMessageBytes || begin + layout.message + bytes > end) {
      this.counters.malformed++;
      return;
    }
    const from = begin + layout.message;
    const answer = readDnsAnswer(this.#buffer.subarray(from, from + bytes));
    if (typeof answer === "string") {
      this.counters[answer]++;
      return;
    }
    const ifindex = this.#view.getUint32(begin + layout.ifindex, true);
    const atMs = Number(this.#view.getBigUint64(begin + layout.time, true)) / 1e6;
    this.#options.names.learn(ifindex, atMs, answer);
    this.counters.learned++;
  }

  lost(): AnswerLosses {
    const counts = this.#options.counts.typed<number, bigint>();
    const total = (what: number): number =>
      Number((counts.perCpu(what) ?? []).reduce((sum, count) => sum + count, 0n));
    return {
      ringFull: total(counted.ringFull),
      unfit: total(counted.unfit),
      overBudget: total(counted.overBudget),
    };
  }

  [Symbol.dispose](): void {
    this.#ring.close();
  }
}
