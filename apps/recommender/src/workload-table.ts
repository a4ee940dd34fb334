import { topics } from "@weir/bus";
import type { Bus, TableReader } from "@weir/bus";
import { workloadCodec } from "@weir/codec";
import type { Workload } from "@weir/codec";
import type { Log, PartCounters } from "@weir/runtime";

/** Who there is now: the table of workloads without those that have ended. */
export class WorkloadTable {
  readonly #alive = new Map<string, Workload>();
  readonly #maxWorkloads: number;
  readonly #log: Log;
  readonly #counters: PartCounters;

  constructor(maxWorkloads: number, log: Log, counters: PartCounters) {
    this.#maxWorkloads = maxWorkloads;
    this.#log = log;
    this.#counters = counters;
  }

  follow(bus: Bus): Promise<TableReader> {
    return bus.readTable({
      topic: topics.workloads.name,
      onRecord: (key, value) => this.#take(key, value),
      onError: (error) => {
        this.#counters.error("bus");
        this.#log.warn({ error }, "the table of workloads cannot be read and is tried again");
      },
    });
  }

  #take(key: string, value: Uint8Array | null): void {
    if (value === null) {
      this.#alive.delete(key);
      return;
    }
    let workload: Workload;
    try {
      workload = workloadCodec.decode(value);
    } catch (error) {
      this.#counters.dropped("malformed");
      this.#log.warn({ error, key }, "a workload that cannot be read is ignored");
      return;
    }
    if (workload.until !== null) this.#alive.delete(key);
    else if (this.#alive.has(key) || this.#alive.size < this.#maxWorkloads)
      this.#alive.set(key, workload);
    else this.#counters.dropped("full");
  }

  current(): Iterable<Workload> {
    return this.#alive.values();
  }
}
