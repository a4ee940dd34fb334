import type { Bus } from "@weir/bus";
import type { NodeReport, PolicyDelta, PolicySet } from "@weir/codec";
import { flowRecordBytes, parseAddress } from "@weir/codec";
import { watchRunDirectory } from "@weir/identity";
import type { RunDirectoryWatch, RunState } from "@weir/identity";
import type { Log, Metrics } from "@weir/runtime";
import type { CollectorConfig } from "./config.ts";
import { openDatapath } from "./datapath.ts";
import { programFileAt } from "./program-file.ts";
import type { Datapath } from "./datapath.ts";
import { DrainPace } from "./drain-pace.ts";
import { wantedInterfaces } from "./interfaces.ts";
import type { WantedInterface } from "./interfaces.ts";
import { createMeters } from "./meters.ts";
import { startNodeReporter } from "./node-report.ts";
import type { NodeReporter } from "./node-report.ts";
import { openNodeSpool, removeNodeSpool } from "./node-spool.ts";
import { openParts } from "./parts.ts";
import type { Parts } from "./parts.ts";
import { pinDirectoryOf } from "./pins.ts";
import { followPolicies } from "./policy-follower.ts";
import type { PolicyFollower } from "./policy-follower.ts";
import type { PolicyEndpoint } from "./policy-image.ts";
import { missingPrivileges } from "./privileges.ts";
import { readNodeReport } from "./read-report.ts";
import { takeStationLock } from "./station-lock.ts";
import { createTurns } from "./turns.ts";
import type { Turns } from "./turns.ts";

/** BPF_RINGBUF_HDR_SZ, in front of each record. */
const ringHeaderBytes = 8;
/** Longest that a round waits for a bus that is away, where there is no spool. */
const roomPatienceMs = 1000;

export interface CollectorDoors {
  bus: Bus;
  log: Log;
  metrics?: Metrics;
  /** Object file of the programs; default: the one that bpf/build.sh makes. */
  programs?: string;
}

export interface Collector {
  readonly node: string;
  /** What the next report on weir.nodes.v1 would say. */
  status(): NodeReport;
  /**
   * Sends what has been counted, then lets go: programs, policy and counters stay in the kernel for
   * the next collector. `detach` takes all of it away as well. Later calls wait for the first.
   */
  stop(options?: { detach?: boolean }): Promise<void>;
}

/**
 * Watches a node: attaches to its workloads, sends their flows on weir.flows.v1, holds the policy of
 * weir.policies.v1 in the kernel and reports on weir.nodes.v1. Resolves when the interfaces that
 * are there now are watched.
 *
 * Throws what is missing of capabilities, NodeTaken where another collector has the node, BpfError
 * where the kernel refuses.
 */
export async function startCollector(
  config: CollectorConfig,
  doors: CollectorDoors,
): Promise<Collector> {
  const log = doors.log.child({ node: config.node });
  const missing = missingPrivileges(config);
  if (missing !== undefined) throw new Error(missing);
  using opening = new DisposableStack();
  opening.use(await takeStationLock(pinDirectoryOf(config)));
  const spool = await openNodeSpool(config, log);
  opening.defer(() => spool?.close());
  const datapath = opening.use(openDatapath(config, log, programFileAt(doors.programs)));
  let running: RunningCollector | undefined;
  try {
    const parts = openParts(config, { ...doors, spool, datapath }, log, opening);
    running = new RunningCollector(parts, doors, log);
    await running.start();
  } catch (error) {
    const attached = running?.attached ?? 0;
    await running?.abandon();
    if (attached === 0) forgetUnused(datapath);
    throw error;
  }
  running.owned = opening.move();
  return running;
}

/** What a start that failed made itself goes, unless packets are judged by it. */
function forgetUnused({ takenOver, foreignLayouts, pins }: Datapath): void {
  if (takenOver || foreignLayouts.length > 0 || pins.links().length > 0) return;
  pins.removeAll();
}

class RunningCollector implements Collector {
  readonly node: string;
  owned: DisposableStack | undefined;
  readonly #parts: Parts;
  readonly #doors: CollectorDoors;
  readonly #log: Log;
  /** Reconciling and sweeping never overlap: both go through the flow map. */
  readonly #turns: Turns;
  readonly #meters: () => void;
  readonly #pace: DrainPace;
  #timers: NodeJS.Timeout[] = [];
  /** Interfaces that are gone, whose last flows may still be in the map. */
  #untold: WantedInterface[] = [];
  #drainTimer: NodeJS.Timeout | undefined;
  #reporter: NodeReporter | undefined;
  #follower: PolicyFollower | undefined;
  #watch: RunDirectoryWatch | undefined;
  #state: RunState = { nodes: [], endpoints: [] };
  #missing = "";
  #stopping: Promise<void> | undefined;
  /** Interfaces are attached from here on. */
  #isReady = false;

  constructor(parts: Parts, doors: CollectorDoors, log: Log) {
    this.node = parts.config.node;
    this.#parts = parts;
    this.#doors = doors;
    this.#log = log;
    this.#turns = createTurns((error) => log.error({ error }, "a round of the collector failed"));
    this.#meters = createMeters(parts, doors.metrics);
    const { config, datapath } = parts;
    this.#pace = new DrainPace({
      minMs: config.drainIntervalMs,
      maxMs: config.drainIdleIntervalMs,
      ringRecords: datapath.map("events").maxEntries / (flowRecordBytes + ringHeaderBytes),
    });
  }

  async start(): Promise<void> {
    const { config, datapath } = this.#parts;
    const { bus } = this.#doors;
    // The workloads are known before the first write, so that it holds for them from the start.
    this.#watch = watchRunDirectory(
      config.runDirectory,
      {
        onState: (state) => this.#onRunState(state),
        onError: (error, path) => this.#log.warn({ error, path }, "cannot read this file"),
      },
      { node: config.node, rescanMs: config.rescanIntervalMs },
    );
    await this.#watch.ready;
    this.#follower = await followPolicies({
      bus,
      log: this.#log,
      replace: (set) => this.#replacePolicy(set),
      edit: (delta) => this.#editPolicy(delta),
      settle: () => this.#settlePolicy(),
      onOutcome: (error) => {
        this.#parts.policyError = error;
        void this.#reporter?.report();
      },
    });
    if (!this.#isGuarded()) await this.#waitForPolicy();
    this.#reporter = startNodeReporter({
      ...{ bus, log: this.#log, intervalMs: config.reportIntervalMs },
      read: () => this.status(),
      onReported: () => this.#parts.odometers.reported(),
    });
    // Before the first packet is looked at, so that what is open already has its process.
    datapath.noteSockets();
    Object.assign(this.#parts.hooks, datapath.noteHooks, datapath.programFile.hooks);
    this.#isReady = true;
    await this.#turns.add(() => this.#takeOver());
    datapath.forgetForeignLayouts();
    this.#startTimers();
    await this.#reporter.report();
    this.#log.info(
      { interfaces: this.#parts.attachments.interfaces.length, takenOver: datapath.takenOver },
      "watching",
    );
  }

  /** What the maps still hold of interfaces that are gone is told before their numbers are used. */
  async #takeOver(): Promise<void> {
    const { attachments, reader, sender, datapath } = this.#parts;
    sender.start();
    if (datapath.takenOver) reader.recover();
    if (datapath.takenOver) await reader.sweep({ flush: true });
    await this.#reconcile();
    if (datapath.takenOver && attachments.forgetStrangers() > 0)
      await reader.sweep({ flush: true });
  }

  /**
   * The maps hold what is in force. Not those of a start that was killed before it had written the
   * policy, nor those of a version that was about to take another's place.
   */
  #isGuarded(): boolean {
    const { datapath, policy } = this.#parts;
    return datapath.takenOver && datapath.foreignLayouts.length === 0 && policy.inForce.epoch > 0;
  }

  /** Fresh maps hold no policy: what is in force is written before the first packet is seen. */
  async #waitForPolicy(): Promise<void> {
    const { config, datapath, policy } = this.#parts;
    const inTime = await this.#follower?.caughtUp(config.policyWaitMs);
    if (datapath.replacesPolicy && policy.inForce.epoch === 0) {
      const why = this.#parts.policyError ?? "none could be read in time";
      throw new Error(
        `no policy is in the new maps: ${why}; the programs of the version before go on with theirs. Start again when the bus can be reached, or take them away with weir collector --remove`,
      );
    }
    if (inTime) return;
    const waited = `no policy could be read within ${config.policyWaitMs} ms`;
    this.#log.warn({}, `${waited}; watching without one until it comes`);
  }

  #startTimers(): void {
    const { config, reader } = this.#parts;
    const every = (intervalMs: number, run: () => void): void => {
      this.#timers.push(setInterval(() => this.#guard(run), intervalMs));
    };
    this.#drainFor(config.drainIntervalMs, performance.now());
    every(config.blockIntervalMs, () => reader.sendEdges());
    every(config.sweepIntervalMs, () => this.#turns.addUnlessWaiting(() => this.#sweep()));
    every(config.rescanIntervalMs, () => this.#turns.addUnlessWaiting(() => this.#reconcile()));
    every(config.policyRetryIntervalMs, () => this.#retryPolicy());
  }

  /** Empties the rings after so long, and again as it then seems due. */
  #drainFor(waitMs: number, last: number): void {
    this.#drainTimer = setTimeout(() => {
      const { config, reader, knowledge } = this.#parts;
      const now = performance.now();
      let nextMs = config.drainIntervalMs;
      this.#guard(() => {
        const edges = reader.drain();
        // Their ring is small, and read in parts.
        if (knowledge.drain() === 0) nextMs = this.#pace.next(edges, now - last);
      });
      this.#drainFor(nextMs, now);
    }, waitMs);
  }

  #guard(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.#log.error({ error }, "reading from the kernel failed; trying again");
    }
  }

  async #sweep(): Promise<void> {
    if (this.#untold.length > 0) await this.#tellGone();
    else await this.#parts.reader.sweep({ patienceMs: roomPatienceMs });
    this.#meters();
  }

  #onRunState(state: RunState): void {
    this.#state = state;
    const now = nodeAddresses(state, this.node);
    if (this.#parts.policy.setNodeAddresses(this.#parseAddresses(now))) this.#follower?.again();
    if (this.#isReady) this.#turns.addAlone(() => this.#reconcile());
  }

  #parseAddresses(texts: string[]): Uint8Array[] {
    return texts.flatMap((text) => {
      try {
        return [parseAddress(text)];
      } catch (error) {
        this.#log.warn({ error }, "the node's file has an address that is none");
        return [];
      }
    });
  }

  #replacePolicy(set: PolicySet): void {
    this.#parts.policy.replace(set);
    this.#parts.texts.replace(set.generation, set.rules);
  }

  #editPolicy(delta: PolicyDelta): void {
    this.#parts.policy.edit(delta);
    this.#parts.texts.edit(delta.generation, delta.rules);
  }

  async #settlePolicy(): Promise<void> {
    const { policy } = this.#parts;
    const before = policy.counters.switches;
    policy.expect(this.#podEndpoints());
    await policy.settle();
    if (policy.counters.switches === before) return;
    const { writeUs, switchUs } = policy.counters;
    this.#log.info({ ...policy.inForce, writeUs, switchUs }, "the policy is in force");
  }

  #retryPolicy(): void {
    if (!this.#parts.policy.isSettled) this.#follower?.again();
  }

  #podEndpoints(): PolicyEndpoint[] {
    const wanted = wantedInterfaces(this.#parts.config, this.#state).interfaces;
    return wanted.filter((one) => !one.own);
  }

  async #reconcile(): Promise<void> {
    const { config, attachments } = this.#parts;
    const wanted = wantedInterfaces(config, this.#state);
    const before = attachments.unwatched.join();
    const { added, gone } = attachments.reconcile(wanted.interfaces);
    if (attachments.unwatched.join() !== before) void this.#reporter?.report();
    this.#untold.push(...gone);
    if (this.#untold.length > 0) await this.#tellGone();
    const missing = wanted.missing.join(", ");
    if (missing !== this.#missing && missing !== "") {
      this.#log.warn({ missing }, "interfaces that are to be watched are not there");
    }
    this.#missing = missing;
    if (added > 0 || gone.length > 0) {
      this.#log.info({ added, gone: gone.length }, "interfaces have changed");
      void this.#reporter?.report();
    }
  }

  /** Where neither disk nor bus takes it, the next sweep tries again: new pods must not wait for that. */
  async #tellGone(): Promise<void> {
    const { reader, knowledge } = this.#parts;
    reader.drain();
    reader.sendEdges();
    if (!(await reader.sweep({ flush: true, patienceMs: roomPatienceMs }))) return;
    for (const { ifindex } of this.#untold) knowledge.forget(ifindex);
    this.#untold = [];
  }

  status(): NodeReport {
    return readNodeReport(this.#parts);
  }

  stop(options: { detach?: boolean } = {}): Promise<void> {
    this.#stopping ??= this.#stop(options.detach ?? false);
    return this.#stopping;
  }

  /** Interfaces that have its programs. */
  get attached(): number {
    return this.#parts.attachments.interfaces.length;
  }

  /** A start that failed: lets go without a word, programs that were there stay. */
  async abandon(): Promise<void> {
    const { attachments, sender, policy } = this.#parts;
    await this.#quiet();
    attachments.leaveAll();
    sender.abandon();
    await policy.caughtUp();
  }

  async #quiet(): Promise<void> {
    clearTimeout(this.#drainTimer);
    for (const timer of this.#timers) clearInterval(timer);
    this.#reporter?.stop();
    await this.#watch?.close();
    await this.#follower?.close();
  }

  async #stop(detach: boolean): Promise<void> {
    const { config, attachments, reader, sender, datapath } = this.#parts;
    const deadline = setTimeout(() => sender.abandon(), config.stopTimeoutMs);
    try {
      await this.#quiet();
      // Nothing is counted after the last sweep: what is sent is all there was.
      if (detach) await this.#turns.add(() => Promise.resolve(attachments.detachAll()));
      await this.#turns.add(async () => {
        reader.drain();
        reader.sendEdges();
        await reader.sweep({ flush: true });
      });
      const inTime = await sender.flush(config.stopTimeoutMs);
      if (!inTime) this.#tellUnsent(detach);
      await Promise.race([this.#reporter?.report(), sleepMs(config.stopTimeoutMs)]);
    } finally {
      clearTimeout(deadline);
      if (!detach) attachments.leaveAll();
      if (detach) datapath.pins.removeAll();
      // What is being written to the spare copy needs the maps.
      await this.#parts.policy.caughtUp();
      this.owned?.dispose();
      if (detach) await removeNodeSpool(config, this.#log);
      this.#log.info({ detach }, "stopped");
    }
  }

  /** The maps go with a detach, and with them what no disk has. */
  #tellUnsent(detach: boolean): void {
    const { spool, journal } = this.#parts;
    const records = journal.last.total - journal.settled.total;
    if (detach && spool === undefined) {
      const given =
        "the bus did not take the last flows in time, and without a spool they are lost";
      this.#log.error({ records }, given);
      return;
    }
    const wait = "the bus did not take the last flows in time; they wait for the next collector";
    this.#log.warn({ records, spool: spool?.counters }, wait);
  }
}

function sleepMs(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds).unref());
}

function nodeAddresses(state: RunState, node: string): string[] {
  return state.nodes.find((one) => one.node === node)?.addresses ?? [];
}
