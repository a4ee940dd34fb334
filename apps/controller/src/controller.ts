import { topics } from "@weir/bus";
import type { Bus, OutgoingMessage } from "@weir/bus";
import { workloadCodec } from "@weir/codec";
import type { Mode, NodeReport } from "@weir/codec";
import type { WorkloadSource } from "@weir/identity";
import { createMetrics } from "@weir/runtime";
import type { Health, Log, Metrics, PartCounters } from "@weir/runtime";
import type { ControllerConfig } from "./config.ts";
import { Debounced } from "./debounced.ts";
import { DocumentIntake } from "./document-intake.ts";
import type { DocumentError } from "./document.ts";
import { DocumentReading } from "./document-reading.ts";
import type { ReadRecord } from "./document-reading.ts";
import { Events } from "./events.ts";
import { NodeWatch } from "./node-watch.ts";
import { PodInstances } from "./pod-changes.ts";
import { PolicyBook } from "./policy-book.ts";
import { PolicyPublisher } from "./policy-publisher.ts";
import { PolicyRounds } from "./policy-rounds.ts";
import type { PublishedPolicy } from "./published-policy.ts";
import { configuredSources } from "./sources.ts";
import type { OpenSource } from "./sources.ts";
import { followDocuments, readFormerLife } from "./tables.ts";
import type { FormerLife } from "./tables.ts";
import { Tenure } from "./tenure.ts";
import { WorkloadDirectory } from "./workload-directory.ts";
import type { WorkloadChange } from "./workload-directory.ts";

export interface ControllerDoors {
  bus: Bus;
  log: Log;
  metrics?: Metrics;
  health?: Health;
  /** Ends the waiting of a start that stands by. */
  signal?: AbortSignal;
}

export interface ControllerStatus {
  generation: number;
  revision: number;
  mode: Mode;
  /** Documents in force. */
  policies: number;
  /** Documents that do not compile, and what holds in their place. */
  errors: DocumentError[];
  /** Pods that each document in force isolates now; empty: it selects nothing. */
  selected: { namespace: string; name: string; pods: string[] }[];
  workloads: number;
  /** Why the newest state is not published; it is tried again. */
  trouble: string | undefined;
}

export interface Controller extends AsyncDisposable {
  readonly metrics: Metrics;
  status(): ControllerStatus;
  /** Resolves when every change seen so far is published, pods that wait for nodes included. */
  settled(): Promise<void>;
  /** Publishes nothing any more; what is in force stays in force. Does not close the bus. */
  stop(): Promise<void>;
}

/** How often `settled` looks whether the last pod is opened. */
const gatePollMs = 5;

/** Messages of one send to the table of workloads. */
const WORKLOADS_PER_SEND = 1000;

/**
 * Starts the station: resolves when the first policy set has been published, or was in force. Where
 * another controller publishes that is not before it has gone.
 */
export async function startController(
  config: ControllerConfig,
  doors: ControllerDoors,
): Promise<Controller> {
  await doors.bus.ensureTopics(Object.values(topics));
  const running = new RunningController(config, doors, configuredSources(config));
  try {
    await running.start();
  } catch (error) {
    await running.stop();
    throw error;
  }
  return running;
}

class RunningController implements Controller {
  readonly metrics: Metrics;
  readonly #config: ControllerConfig;
  readonly #bus: Bus;
  readonly #log: Log;
  readonly #health: Health | undefined;
  readonly #counters: PartCounters;
  readonly #events: Events;
  readonly #nodes: NodeWatch;
  readonly #directory: WorkloadDirectory;
  readonly #instances = new PodInstances();
  readonly #publishing: Debounced;
  readonly #openers: Map<string, OpenSource>;
  readonly #tenure: Tenure;
  readonly #reading: DocumentReading;
  #book: PolicyBook;
  #rounds: PolicyRounds | undefined;
  /** A source has spoken, or time has passed, since workloads were last compared. */
  #workloadsStale = true;
  #trouble: string | undefined;
  #caughtUp = false;
  #nodeErrors = new Map<string, string>();
  #sources: WorkloadSource[] = [];
  #closers: (() => Promise<void> | void)[] = [];

  constructor(config: ControllerConfig, doors: ControllerDoors, sources: Map<string, OpenSource>) {
    this.metrics = doors.metrics ?? createMetrics("controller");
    this.#config = config;
    this.#bus = doors.bus;
    this.#log = doors.log;
    this.#health = doors.health;
    this.#counters = this.metrics.part("policy");
    this.#openers = sources;
    this.#events = new Events(doors.bus, doors.log, this.metrics.part("events"));
    this.#directory = new WorkloadDirectory([...sources.keys()], config.tombstoneKeepMs);
    this.#publishing = new Debounced(config.debounceMs, () => this.#publish());
    this.#nodes = new NodeWatch({
      ...{ bus: doors.bus, log: doors.log, counters: this.metrics.part("nodes") },
      staleMs: config.nodeStaleMs,
      onReport: (report) => this.#onReport(report),
    });
    this.#book = this.#open(undefined);
    this.#tenure = new Tenure({
      ...{ bus: doors.bus, log: doors.log, counters: this.metrics.part("tenure") },
      ...{ beatMs: config.claimBeatMs, staleMs: config.claimStaleMs },
    });
    this.#reading = new DocumentReading({
      isHeld: (key, text) => this.#book.isHeld(key, text),
      onRead: (records) => this.#onDocuments(records),
    });
    doors.signal?.addEventListener("abort", () => void this.#tenure.close());
  }

  #open(published: PublishedPolicy | undefined): PolicyBook {
    const { endpointHoldMs } = this.#config;
    return new PolicyBook({ published, endpointHoldMs, nodes: this.#nodes });
  }

  async start(): Promise<void> {
    const doors = { bus: this.#bus, log: this.#log, counters: this.metrics.part("tables") };
    await this.#tenure.take();
    const former = await readFormerLife(doors);
    await this.#nodes.start();
    this.#closers.push(() => this.#nodes.close());
    this.#takeUp(former);
    const intake = new DocumentIntake({
      waitMs: this.#config.changeWaitMs,
      counters: this.metrics.part("documents"),
      onChange: (records) => this.#reading.take(records),
    });
    const documents = await followDocuments(doors, (record) => {
      // What lies there from before may lack records that newer ones have replaced.
      if (this.#caughtUp) intake.take(record);
      else this.#reading.take([record]);
    });
    this.#closers.push(async () => {
      await documents.close();
      intake.close();
    });
    await documents.caughtUp;
    await this.#reading.settled();
    this.#openSources();
    await Promise.all(this.#sources.map((source) => source.ready));
    this.#caughtUp = true;
    this.#watch();
    await this.#publish();
  }

  #onDocuments(records: ReadRecord[]): void {
    for (const { key, change, policy } of records) this.#book.document(key, change, policy);
    if (this.#caughtUp) this.#publishing.request();
  }

  /** Goes on where the former life ended, also where the topic has lost what the nodes still hold. */
  #takeUp({ published, keys, workloads }: FormerLife): void {
    const { snapshotEveryDeltas, snapshotIdleMs, maxDeltaBytes, snapshotPartBytes } = this.#config;
    const { revision, generation } = this.#nodes;
    const isBehind = (published?.revision ?? 0) < revision;
    this.#book = this.#open(published);
    if (isBehind) this.#book.goOnFrom(revision, generation);
    const [log, metrics, book] = [this.#log, this.metrics, this.#book];
    const publisher = new PolicyPublisher({
      ...{
        bus: { send: (topic, messages) => this.#send(topic, messages) },
        log,
        keys,
        maxDeltaBytes,
        snapshotPartBytes,
      },
      counters: metrics.part("snapshots"),
      mustSnapshot: isBehind,
    });
    this.#rounds = new PolicyRounds({
      ...{ book, publisher, log, metrics, snapshotEveryDeltas, snapshotIdleMs },
      events: this.#events,
    });
    for (const [key, workload] of workloads) this.#directory.recordPublished(key, workload);
    this.#book.pods(
      this.#instances.change([...workloads].map(([key, workload]) => ({ key, workload }))),
    );
  }

  /** Whoever is not sure to be the only one writes nothing that others follow. */
  async #send(topic: string, messages: OutgoingMessage[]): Promise<void> {
    this.#tenure.check();
    await this.#bus.send(topic, messages);
  }

  #watch(): void {
    if (this.#health) {
      const off = this.#health.check("policy", () => ({
        ok: this.#trouble === undefined,
        detail: this.#trouble ?? `generation ${this.#book.published.generation}`,
      }));
      this.#closers.push(off);
    }
    const timer = setInterval(() => {
      this.#workloadsStale = true;
      this.#publishing.request();
    }, this.#config.rescanMs);
    timer.unref();
    this.#closers.push(() => clearInterval(timer));
    this.#closers.push(() => this.#events.close());
  }

  #onReport({ node, boot_id, error, generation }: NodeReport): void {
    if (this.#book.gate.size > 0) this.#publishing.request();
    if (error === null) this.#nodeErrors.delete(node);
    if (error === null || this.#nodeErrors.get(node) === error) return;
    this.#nodeErrors.set(node, error);
    this.#counters.error("node");
    this.#log.error({ node, error }, "a node could not take a policy; the former one is in force");
    this.#events.tell({
      ...{ kind: "policy-refused", node, boot_id },
      text: `${node} could not take a policy; generation ${generation} stays in force: ${error}`,
      fields: { error, generation: String(generation) },
    });
  }

  #openSources(): void {
    for (const [name, open] of this.#openers) {
      const source = open({
        onSnapshot: (_source, snapshot) => {
          this.#directory.snapshot(name, snapshot);
          this.#workloadsStale = true;
          if (this.#caughtUp) this.#publishing.request();
        },
        onError: (_source, error, where) => {
          this.metrics.part("sources").error("unreadable");
          this.#log.warn(
            { error, where },
            "a source of names cannot be read; what it said before stays",
          );
        },
      });
      this.#sources.push(source);
    }
  }

  /** Brings both tables to what is true now. Never rejects: the timer tries again. */
  async #publish(): Promise<void> {
    try {
      if (this.#workloadsStale) await this.#publishWorkloads();
      await this.#rounds?.run();
      if (this.#trouble !== undefined) this.#log.info({}, "publishing again");
      this.#trouble = undefined;
    } catch (error) {
      this.#counters.error("publish");
      const why = `publishing fails: ${error instanceof Error ? error.message : String(error)}`;
      if (this.#trouble !== why) this.#events.tell({ kind: "policy-unpublished", text: why });
      this.#trouble = why;
      this.#log.error(
        { error },
        "publishing failed; what was in force stays, and it is tried again",
      );
    }
    if (this.#book.gate.size > 0) this.#requestLater(this.#config.endpointHoldMs);
  }

  /** Pods that wait for nodes are opened without them in the end. */
  #requestLater(delayMs: number): void {
    setTimeout(() => this.#publishing.request(), delayMs + 1).unref();
  }

  async #publishWorkloads(): Promise<void> {
    this.#workloadsStale = false;
    try {
      const changes = this.#directory.changes(Date.now() * 1000);
      for (let at = 0; at < changes.length; at += WORKLOADS_PER_SEND) {
        await this.#sendWorkloads(changes.slice(at, at + WORKLOADS_PER_SEND));
      }
      if (changes.length === 0) return;
      this.metrics.part("workloads").sent(changes.length);
      this.metrics.gauge("workloads", "Workloads in the table.").set(this.#directory.size);
      this.#log.debug({ changes: changes.length }, "workloads published");
    } catch (error) {
      this.#workloadsStale = true;
      throw error;
    }
  }

  async #sendWorkloads(changes: WorkloadChange[]): Promise<void> {
    await this.#send(
      topics.workloads.name,
      changes.map(({ key, workload }) => ({
        key,
        value: workload && workloadCodec.encode(workload),
      })),
    );
    for (const { key, workload } of changes) this.#directory.recordPublished(key, workload);
    this.#book.pods(this.#instances.change(changes));
  }

  status(): ControllerStatus {
    const { generation, revision, mode, documents } = this.#book.published;
    return {
      ...{ generation, revision, mode },
      policies: documents.size,
      errors: this.#book.errors,
      selected: this.#book.selected(),
      workloads: this.#directory.size,
      trouble: this.#trouble,
    };
  }

  async settled(): Promise<void> {
    await this.#reading.settled();
    await this.#publishing.settled();
    while (this.#book.gate.size > 0 && this.#trouble === undefined) {
      await new Promise((resolve) => setTimeout(resolve, gatePollMs));
      await this.#publishing.settled();
    }
  }

  async stop(): Promise<void> {
    for (const close of this.#closers.splice(0)) await close();
    await Promise.all(this.#sources.splice(0).map((source) => source.close()));
    await this.#publishing.close();
    await this.#rounds?.close();
    await this.#tenure.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}
