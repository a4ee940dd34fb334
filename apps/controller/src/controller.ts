import { topics } from "@weir/bus";
import type { Bus } from "@weir/bus";
import { policySetCodec, workloadCodec } from "@weir/codec";
import type { Mode, PolicyChange } from "@weir/codec";
import { workloadCluster } from "@weir/identity";
import type { WorkloadSource } from "@weir/identity";
import { createMetrics } from "@weir/runtime";
import type { Health, Log, Metrics, PartCounters } from "@weir/runtime";
import type { ControllerConfig } from "./config.ts";
import { Debounced } from "./debounced.ts";
import { PolicyBook } from "./policy-book.ts";
import type { DocumentError } from "./policy-book.ts";
import { configuredSources } from "./sources.ts";
import type { OpenSource } from "./sources.ts";
import { followDocuments, readFormerLife } from "./tables.ts";
import { WorkloadDirectory } from "./workload-directory.ts";

export interface ControllerDoors {
  bus: Bus;
  log: Log;
  metrics?: Metrics;
  health?: Health;
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
  /** Resolves when every change seen so far is published. */
  settled(): Promise<void>;
  /** Publishes nothing any more; what is in force stays in force. Does not close the bus. */
  stop(): Promise<void>;
}

/** Messages of one send to the table of workloads. */
const WORKLOADS_PER_SEND = 1000;

/** Starts the station: resolves when the first policy set has been published, or was in force. */
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
  #bus: Bus;
  #log: Log;
  #health: Health | undefined;
  #counters: PartCounters;
  #documents = new Map<string, PolicyChange>();
  #directory: WorkloadDirectory;
  #book = new PolicyBook();
  #errors: DocumentError[] = [];
  /** Something that a policy could notice has changed since the last compilation. */
  #stale = true;
  #trouble: string | undefined;
  #publishing: Debounced;
  #openers: Map<string, OpenSource>;
  #sources: WorkloadSource[] = [];
  #closers: (() => Promise<void> | void)[] = [];
  #rescanMs: number;

  constructor(config: ControllerConfig, doors: ControllerDoors, sources: Map<string, OpenSource>) {
    this.metrics = doors.metrics ?? createMetrics("controller");
    this.#bus = doors.bus;
    this.#log = doors.log;
    this.#health = doors.health;
    this.#counters = this.metrics.part("policy");
    this.#openers = sources;
    this.#directory = new WorkloadDirectory([...sources.keys()], config.tombstoneKeepMs);
    this.#publishing = new Debounced(config.debounceMs, () => this.#publish());
    this.#rescanMs = config.rescanMs;
  }

  async start(): Promise<void> {
    const doors = { bus: this.#bus, log: this.#log, counters: this.metrics.part("tables") };
    const { set, workloads } = await readFormerLife(doors);
    this.#book = new PolicyBook(set);
    for (const [key, workload] of workloads) this.#directory.recordPublished(key, workload);
    let caughtUp = false;
    const documents = await followDocuments(doors, (key, change) => {
      if (change) this.#documents.set(key, change);
      else this.#documents.delete(key);
      this.#stale = true;
      if (caughtUp) this.#publishing.request();
    });
    this.#closers.push(() => documents.close());
    await documents.caughtUp;
    this.#openSources(() => caughtUp);
    await Promise.all(this.#sources.map((source) => source.ready));
    caughtUp = true;
    if (this.#health) {
      const off = this.#health.check("policy", () => ({
        ok: this.#trouble === undefined,
        detail: this.#trouble ?? `generation ${this.#book.inForce?.generation ?? 0}`,
      }));
      this.#closers.push(off);
    }
    const timer = setInterval(() => this.#publishing.request(), this.#rescanMs);
    timer.unref();
    this.#closers.push(() => clearInterval(timer));
    await this.#publish();
  }

  #openSources(isStarted: () => boolean): void {
    for (const [name, open] of this.#openers) {
      const source = open({
        onSnapshot: (_source, snapshot) => {
          this.#directory.snapshot(name, snapshot);
          if (isStarted()) this.#publishing.request();
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
      await this.#publishWorkloads();
      if (this.#stale) await this.#publishPolicy();
      if (this.#trouble !== undefined) this.#log.info({}, "publishing again");
      this.#trouble = undefined;
    } catch (error) {
      this.#stale = true;
      this.#counters.error("publish");
      this.#trouble = `publishing fails: ${error instanceof Error ? error.message : String(error)}`;
      this.#log.error(
        { error },
        "publishing failed; what was in force stays, and it is tried again",
      );
    }
  }

  async #publishWorkloads(): Promise<void> {
    const changes = this.#directory.changes(Date.now() * 1000);
    if (changes.length > 0) this.#stale = true;
    for (let at = 0; at < changes.length; at += WORKLOADS_PER_SEND) {
      const some = changes.slice(at, at + WORKLOADS_PER_SEND);
      await this.#bus.send(
        topics.workloads.name,
        some.map(({ key, workload }) => ({
          key,
          value: workload && workloadCodec.encode(workload),
        })),
      );
      for (const { key, workload } of some) this.#directory.recordPublished(key, workload);
    }
    if (changes.length === 0) return;
    this.metrics.part("workloads").sent(changes.length);
    this.metrics.gauge("workloads", "Workloads in the table.").set(this.#directory.size);
    this.#log.debug({ changes: changes.length }, "workloads published");
  }

  async #publishPolicy(): Promise<void> {
    // A document that arrives while this is being sent makes it stale again.
    this.#stale = false;
    const cluster = workloadCluster(this.#directory.current());
    const { set, changed, errors } = this.#book.next(
      this.#documents.values(),
      cluster,
      Date.now() * 1000,
    );
    this.#report(errors);
    if (!changed) return;
    await this.#bus.send(topics.policies.name, [
      { key: "current", value: policySetCodec.encode(set) },
    ]);
    const before = this.#book.inForce;
    this.#book.published(set);
    this.#counters.sent();
    this.metrics.gauge("generation", "Policy generation in force.").set(set.generation);
    const { generation, revision, mode } = set;
    const fields = { generation, revision, mode, policies: set.documents.length };
    if (before?.generation === generation) this.#log.debug(fields, "entries changed");
    else this.#log.info(fields, "a new generation of the policy is published");
  }

  #report(errors: DocumentError[]): void {
    const known = new Set(this.#errors.map(({ error }) => error));
    for (const one of errors) {
      if (known.has(one.error)) continue;
      this.#counters.error("document");
      const text = one.previousInForce ? "its last good text stays in force" : "it is not in force";
      this.#log.error({ ...one }, `a policy does not compile; ${text}`);
    }
    this.#errors = errors;
  }

  status(): ControllerStatus {
    const set = this.#book.inForce;
    return {
      generation: set?.generation ?? 0,
      revision: set?.revision ?? 0,
      mode: set?.mode ?? "observe",
      policies: set?.documents.length ?? 0,
      errors: this.#errors,
      selected: this.#book.selected(workloadCluster(this.#directory.current())),
      workloads: this.#directory.size,
      trouble: this.#trouble,
    };
  }

  async settled(): Promise<void> {
    await this.#publishing.settled();
  }

  async stop(): Promise<void> {
    for (const close of this.#closers.splice(0)) await close();
    await Promise.all(this.#sources.splice(0).map((source) => source.close()));
    await this.#publishing.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}
