import { topics } from "@weir/bus";
import type { Assignment, Batch, Bus, GroupReader } from "@weir/bus";
import type { Log, Metrics } from "@weir/runtime";
import type { StreamFunction } from "./contract.ts";
import { defineFunction } from "./define.ts";
import { parseIntent } from "./intent.ts";
import { PartitionWorker } from "./worker.ts";
import type { Halt, WorkerDoors } from "./worker.ts";

export interface FunctionDoors<Services> {
  bus: Bus;
  /** What the function's own `start` is given: store, identity and the like. */
  services: Services;
  log: Log;
  metrics: Metrics;
  /** Consumer group; default `weir.<name>`. */
  group?: string;
  /** Bounds to use in place of the definition's own. A batch in flight keeps its old ones. */
  batch?: Partial<StreamFunction<Services>["batch"]>;
  retry?: Partial<StreamFunction<Services>["retry"]>;
  /** How long `stop` may spend on what is queued. Default 5 s. */
  stopTimeoutMs?: number;
}

export interface FunctionStatus {
  name: string;
  group: string;
  /** Nothing is queued or being handled in this process. */
  idle: boolean;
  partitions: number;
  queuedMessages: number;
  queuedBytes: number;
  /** Partitions whose batch keeps failing. Nothing is lost; they are being retried. */
  halted: Halt[];
}

export interface RunningFunction extends AsyncDisposable {
  readonly name: string;
  status(): FunctionStatus;
  /** For health: not ok while a partition stands still, with the reason. */
  check(): { ok: boolean; detail: string };
  /** Messages of the input that the group has not committed. */
  lag(): Promise<bigint>;
  /** Waits until everything in the topic has been handled; false when the time was too short. */
  drain(timeoutMs: number): Promise<boolean>;
  /** Handles what is queued, commits, leaves the group. Idempotent; bounded by stopTimeoutMs. */
  stop(): Promise<void>;
}

/** Starts a function: joins its group and handles batches until it is stopped. */
export async function startFunction<Services>(
  definition: StreamFunction<Services>,
  doors: FunctionDoors<Services>,
): Promise<RunningFunction> {
  const running = new GroupFunction(definition, doors);
  await running.start(doors.services);
  return running;
}

class GroupFunction<Services> implements RunningFunction {
  readonly name: string;
  #definition: StreamFunction<Services>;
  #bus: Bus;
  #log: Log;
  #group: string;
  #stopTimeoutMs: number;
  #workers = new Map<number, PartitionWorker>();
  #assignments = 0;
  /** Workers that have lost their partitions and still have a batch in hand. */
  #ending: Promise<unknown> = Promise.resolve();
  #doors: WorkerDoors | undefined;
  #reader: Promise<GroupReader> | undefined;
  #metrics: Metrics;
  #stopping: Promise<void> | undefined;

  constructor(definition: StreamFunction<Services>, doors: FunctionDoors<Services>) {
    this.name = definition.name;
    this.#definition = defineFunction({
      ...definition,
      batch: { ...definition.batch, ...doors.batch },
      retry: { ...definition.retry, ...doors.retry },
    });
    this.#bus = doors.bus;
    this.#group = doors.group ?? `weir.${definition.name}`;
    this.#log = doors.log.child({ function: definition.name });
    this.#metrics = doors.metrics;
    this.#stopTimeoutMs = doors.stopTimeoutMs ?? 5000;
  }

  async start(services: Services): Promise<void> {
    const handler = await this.#definition.start(services);
    const replays = this.#metrics.counter("replays_total", "Batches handed over again.", ["part"]);
    const seconds = this.#metrics.histogram(
      "batch_seconds",
      "Handling of one batch, commit included.",
      [0.005, 0.02, 0.1, 0.5, 2, 10],
      ["part"],
    );
    this.#doors = {
      definition: this.#definition,
      handler,
      deadLetterTopic: topics.deadLetters.name,
      log: this.#log,
      counters: this.#metrics.part(this.name),
      send: (topic, messages) => this.#bus.send(topic, messages),
      commit: async (positions) => (await this.#reader)?.commit(positions),
      onReplay: ({ token, messages }) => {
        replays.inc({ part: this.name });
        this.#log.info({ token, messages: messages.length }, "handing over a batch again");
      },
      onBatchDone: (duration) => seconds.observe(duration, { part: this.name }),
    };
    this.#reader = this.#bus.readGroup({
      group: this.#group,
      topics: [this.#definition.input],
      maxBatchMessages: this.#definition.batch.maxMessages,
      onAssigned: (assignment) => this.#assign(assignment),
      onBatch: (batch) => this.#deliver(batch),
      onError: (error) => {
        this.#metrics.part(this.name).error("bus");
        this.#log.warn({ error }, "the bus is in trouble and retries");
      },
    });
    await this.#reader;
  }

  /** Every partition begins anew: what was not committed is delivered again, with its intent. */
  async #assign({ positions }: Assignment): Promise<void> {
    const turn = ++this.#assignments;
    const old = [...this.#workers.values()];
    this.#workers.clear();
    for (const worker of old) worker.abandon("the partitions are being assigned anew");
    this.#ending = Promise.all([this.#ending, ...old.map((worker) => worker.done)]);
    await within(this.#stopTimeoutMs, this.#ending);
    // Another assignment came meanwhile: workers of this one would take its messages, out of order.
    if (turn !== this.#assignments) return;
    for (const { topic, partition, offset, metadata } of positions) {
      const intent = parseIntent(metadata);
      if (metadata !== "" && !intent) {
        this.#log.warn({ partition, metadata }, "unknown text beside an offset; ignored");
      }
      const replay = intent?.first === offset ? intent : undefined;
      this.#workers.set(partition, this.#worker(topic, partition, replay));
    }
    this.#log.debug({ partitions: positions.length }, "partitions assigned");
  }

  #worker(
    topic: string,
    partition: number,
    replay?: { first: bigint; last: bigint },
  ): PartitionWorker {
    if (!this.#doors) throw new Error(`${this.name} has not been started`);
    return new PartitionWorker(topic, partition, replay, this.#doors);
  }

  async #deliver(batch: Batch): Promise<void> {
    if (this.#stopping) return;
    let worker = this.#workers.get(batch.partition);
    if (!worker) {
      worker = this.#worker(batch.topic, batch.partition);
      this.#workers.set(batch.partition, worker);
    }
    this.#metrics.part(this.name).received(batch.messages.length);
    await worker.queue.push(batch.messages);
  }

  status(): FunctionStatus {
    const workers = [...this.#workers.values()];
    return {
      name: this.name,
      group: this.#group,
      idle: workers.every((worker) => worker.idle),
      partitions: workers.length,
      queuedMessages: workers.reduce((sum, worker) => sum + worker.queue.messages, 0),
      queuedBytes: workers.reduce((sum, worker) => sum + worker.queue.bytes, 0),
      halted: workers.flatMap((worker) => worker.halt ?? []),
    };
  }

  check(): { ok: boolean; detail: string } {
    const { halted, partitions } = this.status();
    const [first] = halted;
    if (!first) return { ok: true, detail: `${partitions} partitions` };
    const where = `${first.topic}/${first.partition}`;
    return {
      ok: false,
      detail: `${where} stands still since ${first.attempts} attempts: ${first.error}`,
    };
  }

  lag(): Promise<bigint> {
    return this.#bus.lag(this.#group, this.#definition.input);
  }

  async drain(timeoutMs: number): Promise<boolean> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      if (this.status().idle && (await this.lag()) === 0n) return true;
      if (performance.now() >= deadline || this.#stopping) return false;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    const workers = [...this.#workers.values()];
    for (const worker of workers) worker.flush();
    const ended = Promise.all(workers.map((worker) => worker.done));
    if (!(await within(this.#stopTimeoutMs, ended))) {
      for (const worker of workers) worker.abandon("stopping");
      const left = workers.reduce((sum, worker) => sum + worker.queue.messages, 0);
      this.#log.warn({ left }, "stopped before everything queued was handled; it is read again");
      await within(1000, ended);
    }
    await (await this.#reader)?.close();
    // Partitions may have been assigned while stopping.
    for (const worker of this.#workers.values()) worker.abandon("stopped");
    await (this.#doors?.handler.stop?.() ?? Promise.resolve());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/** True when the promise settled within the time. */
async function within(timeoutMs: number, promise: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), timeoutMs);
  });
  try {
    return await Promise.race([promise.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}
