import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { BpfMap, readBtf } from "libbpf-ts";
import type { CollectorTask, CollectorUse } from "./capture/collector-process.ts";
import { Part } from "@weir/test-load";
import { percentile, result } from "./result.ts";
import type { Result } from "./result.ts";

const object = join(import.meta.dirname, "../../../bpf/build/flow.bpf.o");
const program = join(import.meta.dirname, "capture/collector-process.ts");
const liveFlows = 1 << 20;
const changedFlows = 1 << 16;
const batchEntries = 1 << 14;
/** Gaps of the drain are remembered for four seconds: one sweep must not be seen in the next. */
const sweepIntervalMs = 8000;
const drainIntervalMs = 10;
/** Of flow.state: such a TCP connection may rest for two hours. */
const answered = 1 << 17;
const minute = 60_000_000_000n;

/** The flow map where the collector has pinned it: filled from outside, without a packet. */
class PinnedFlows implements Disposable {
  readonly #map: BpfMap;
  readonly #keys: DataView;
  readonly #values: DataView;
  readonly #at: (struct: string, field: string) => number;

  constructor(pins: string) {
    const maps = readdirSync(pins).find((name) => name.startsWith("maps-")) ?? "";
    const btf = readBtf(object);
    this.#map = BpfMap.openPinned(join(pins, maps, "flows"));
    this.#keys = new DataView(new ArrayBuffer(batchEntries * this.#map.keySize));
    this.#values = new DataView(new ArrayBuffer(batchEntries * this.#map.valueBytes));
    this.#at = (struct, field) =>
      btf.struct(struct).fields.find((one) => one.name === field)?.offset ?? 0;
  }

  /** The first `count` connections, each with as many packets that were not told. */
  write(count: number, packets: bigint): void {
    for (let from = 0; from < count; from += batchEntries) this.#writeBatch(from, packets);
  }

  #writeBatch(from: number, packets: bigint): void {
    const { keySize, valueBytes } = this.#map;
    const at = this.#at;
    const now = process.hrtime.bigint();
    for (let n = 0; n < batchEntries; n++) {
      const key = n * keySize;
      const value = n * valueBytes;
      this.#keys.setUint32(key + at("flow_key", "remote"), from + n, true);
      this.#keys.setUint8(key + at("flow_key", "protocol"), 6);
      this.#values.setUint32(value + at("flow", "state"), answered, true);
      this.#values.setBigUint64(value + at("flow", "first"), now, true);
      this.#values.setBigUint64(value + at("flow", "last"), now, true);
      this.#values.setBigUint64(value + at("flow", "reported"), now - minute, true);
      this.#values.setBigUint64(value + at("flow", "packets"), packets, true);
    }
    const bytes = (view: DataView): Uint8Array => new Uint8Array(view.buffer);
    this.#map.updateBatch(bytes(this.#keys), bytes(this.#values), batchEntries);
  }

  [Symbol.dispose](): void {
    this.#map.close();
  }
}

interface Sample {
  ms: number;
  /** Of the process, from before the change until all of it was told: some idle time is in it. */
  cpuMs: number;
  gapMs: number;
  /** The same while nothing is swept. */
  idleGapMs: number;
}

/** What the process used until it had told `records` more, and at least one sweep was over. */
async function until(collector: Part, records: number): Promise<CollectorUse> {
  const deadline = performance.now() + 60_000;
  for (;;) {
    const use = await collector.ask<CollectorUse>("use");
    if (use.swept >= records) return use;
    if (performance.now() > deadline) throw new Error(`${use.swept} of ${records} were swept`);
    await pause(20);
  }
}

/**
 * One sweep of a million connections of which 65,536 have changed: how long, how much processor time,
 * and the longest that the ring was not emptied meanwhile; its baseline is the same without a sweep.
 */
export async function measureSweep(
  quick: boolean,
  progress: (text: string) => void,
): Promise<Result[]> {
  using cleanup = new DisposableStack();
  const runDirectory = mkdtempSync(join(tmpdir(), "weir-sweep-"));
  cleanup.defer(() => rmSync(runDirectory, { recursive: true, force: true }));
  const pinDirectory = `/sys/fs/bpf/weir-sweep-${process.pid}`;
  const task: CollectorTask = {
    config: {
      ...{ node: "sweep", runDirectory, pinDirectory, interfaces: "none" },
      ...{ flowsMaxEntries: liveFlows + changedFlows, sweepIntervalMs, drainIntervalMs },
      drainIdleIntervalMs: drainIntervalMs,
      ...{ spoolDirectory: join(runDirectory, "spool"), policyWaitMs: 0, stopTimeoutMs: 0 },
    },
  };
  await using collector = new Part("collector", program, task);
  await collector.ask("ready");
  using flows = new PinnedFlows(pinDirectory);
  progress(`${liveFlows} connections, of which ${changedFlows} change`);
  flows.write(liveFlows, 0n);
  const samples: Sample[] = [];
  let last = await collector.ask<CollectorUse>("use");
  for (let round = 0; round < (quick ? 3 : 9); round++) {
    // A sweep may take some of them before all are written.
    const before = await collector.ask<CollectorUse>("use");
    flows.write(changedFlows, 1n);
    last = await until(collector, before.swept + changedFlows);
    // The tail of the map, and the blocks.
    await pause(1000);
    last = await collector.ask<CollectorUse>("use");
    await pause(5500);
    const idle = await collector.ask<CollectorUse>("use");
    const cpuMs = 1000 * (last.cpuSeconds - before.cpuSeconds);
    samples.push({ ms: last.sweepMs, cpuMs, gapMs: last.drainGapMs, idleGapMs: idle.drainGapMs });
    progress(
      `${last.sweepMs} ms, ${Math.round(cpuMs)} of CPU; the ring waited ${last.drainGapMs} ms at most, without a sweep ${idle.drainGapMs}`,
    );
  }
  if (last.flowsLive < liveFlows) throw new Error(`only ${last.flowsLive} connections were seen`);
  const median = (of: keyof Sample): number =>
    percentile(
      samples.map((one) => one[of]),
      0.5,
    );
  return [
    result("capture", "sweep-1m-64k-time", median("ms"), "ms", null),
    result("capture", "sweep-1m-64k-cpu", median("cpuMs"), "ms", null),
    result("capture", "sweep-1m-64k-drain-gap", median("gapMs"), "ms", median("idleGapMs")),
  ];
}
