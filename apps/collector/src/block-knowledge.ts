import type { BlockHeader } from "@weir/codec";
import { AnsweredNames } from "@weir/identity";
import { createAnswerReader } from "./answer-reader.ts";
import type { AnswerReader } from "./answer-reader.ts";
import type { CollectorConfig } from "./config.ts";
import type { Datapath } from "./datapath.ts";
import { seesExecutables } from "./executable.ts";
import { createFlowNames } from "./flow-names.ts";
import type { FlowNames } from "./flow-names.ts";
import { createFlowProcesses } from "./flow-processes.ts";
import type { FlowProcesses, KernelProcess } from "./flow-processes.ts";
import { switchedOff } from "./socket-notes.ts";

/** What a block's header lists for the flows in it. */
export type BlockLists = Pick<BlockHeader, "names" | "processes">;

/** What is known of flows beside their counters, each part with a switch of its own. */
export interface BlockKnowledge extends Disposable {
  /** Takes in what the kernel has learned since; never blocks. */
  drain(): number;
  /** Writes into the records which of the lists' items they are about, and gives the lists. */
  into(records: Uint8Array, count: number): BlockLists;
  /** Everything of this interface has been told; its number may become another's. */
  forget(ifindex: number): void;
  /** As `weir status` has them: ok, or what is missing and why. */
  readonly hooks: Record<string, string>;
  counters(): Record<string, number>;
}

export function openBlockKnowledge(config: CollectorConfig, datapath: Datapath): BlockKnowledge {
  return new Knowledge(config, datapath);
}

class Knowledge implements BlockKnowledge {
  readonly hooks: Record<string, string> = {};
  readonly #names: AnsweredNames | undefined;
  readonly #answers: AnswerReader | undefined;
  readonly #flowNames: FlowNames | undefined;
  /** Also where no process is noted any more: the map may have flows of a time when it was. */
  readonly #flowProcesses: FlowProcesses;

  constructor({ enrich, dns, processes }: CollectorConfig, datapath: Datapath) {
    const seen = datapath.map("processes").typed<bigint, KernelProcess>();
    this.#flowProcesses = createFlowProcesses({ lookUp: (key) => seen.get(key), ...processes });
    this.hooks["process_executable"] = enrich.process === "off" ? switchedOff : executableHook();
    this.hooks["dns"] = enrich.dns === "off" ? switchedOff : "ok";
    if (enrich.dns === "off") return;
    this.#names = new AnsweredNames({
      maxEntries: dns.maxAddresses,
      maxEntriesPerClient: dns.maxAddressesPerWorkload,
      minTtlMs: dns.minTtlMs,
      maxTtlMs: dns.maxTtlMs,
    });
    this.#flowNames = createFlowNames(this.#names);
    this.#answers = createAnswerReader({
      answers: datapath.map("answers"),
      counts: datapath.map("answer_counts"),
      names: this.#names,
      maxPerDrain: dns.maxAnswersPerDrain,
    });
  }

  drain(): number {
    return this.#answers?.drain() ?? 0;
  }

  into(records: Uint8Array, count: number): BlockLists {
    // An answer is there before the connection that follows it.
    this.drain();
    return {
      names: this.#flowNames?.into(records, count) ?? [],
      processes: this.#flowProcesses.into(records, count),
    };
  }

  forget(ifindex: number): void {
    this.#names?.forget(ifindex);
  }

  counters(): Record<string, number> {
    const { evicted, gone, skipped } = this.#flowProcesses.counters;
    return {
      ...this.#answerCounters(),
      processes_evicted: evicted,
      processes_gone: gone,
      processes_skipped: skipped,
    };
  }

  #answerCounters(): Record<string, number> {
    if (this.#answers === undefined || this.#names === undefined) return {};
    const { learned, void: empty, malformed } = this.#answers.counters;
    const { ringFull, unfit, overBudget } = this.#answers.lost();
    return {
      dns_answers: learned,
      dns_answers_void: empty,
      dns_answers_malformed: malformed,
      dns_answers_lost: ringFull,
      dns_answers_unfit: unfit,
      dns_answers_over_budget: overBudget,
      dns_addresses: this.#names.size,
      dns_addresses_evicted: this.#names.counters.evicted,
      dns_addresses_left_out: this.#names.counters.leftOut,
    };
  }

  [Symbol.dispose](): void {
    this.#answers?.[Symbol.dispose]();
  }
}

function executableHook(): string {
  if (seesExecutables()) return "ok";
  return "missing: without CAP_SYS_PTRACE /proc shows nobody else's program";
}
