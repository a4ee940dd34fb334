import { createMemoryBus, topics } from "@weir/bus";
import type { Bus } from "@weir/bus";
import {
  createFlowDecoder,
  flowSymbols,
  formatAddress,
  nodeReportCodec,
  policyDeltaCodec,
  policyDeltaKey,
  policySetCodec,
} from "@weir/codec";
import type { FlowProcess, NodeReport, PolicySet } from "@weir/codec";
import { collectorConfig, startCollector } from "@weir/collector";
import type { Collector, CollectorConfigInput, CollectorDoors } from "@weir/collector";
import { diffCompiled, tablesOf } from "@weir/policy";
import { silentLog } from "@weir/runtime";
import type { Bed } from "./bed.ts";
import type { PodProcess } from "./traffic.ts";

/** A row of weir.flows.v1. */
export interface FlowRow {
  src: string;
  dst: string;
  dstPort: number;
  protocol: number;
  packets: number;
  bytes: number;
  replyPackets: number;
  replyBytes: number;
  connections: number;
  direction: string;
  verdict: string;
  reason: string;
  generation: number;
  ifindex: number;
  flags: number;
  handshakeRttUs: number;
  srttUs: number;
  firstByteUs: number;
  retransmits: number;
  closeReason: string;
  process: FlowProcess | undefined;
  /** That was asked for. */
  name: string | undefined;
  ruleText: string | undefined;
  block: number;
  timeMs: number;
}

/** A memory bus that remembers every flow it carried. */
export class RecordingBus {
  readonly bus: Bus;
  readonly flows: FlowRow[] = [];
  report: NodeReport | undefined;

  private constructor(bus: Bus) {
    this.bus = bus;
  }

  static async make(): Promise<RecordingBus> {
    const bus = createMemoryBus();
    await bus.ensureTopics(Object.values(topics));
    const recording = new RecordingBus(bus);
    await bus.readTail({
      topic: topics.flows.name,
      onBatch: ({ messages }) => {
        for (const { value } of messages) if (value !== null) recording.#keep(value);
      },
    });
    await bus.readTable({
      topic: topics.nodes.name,
      onRecord: (_key, value) => {
        if (value !== null) recording.report = nodeReportCodec.decode(value);
      },
    });
    return recording;
  }

  async enforce(set: PolicySet): Promise<void> {
    const value = policySetCodec.encode(set);
    await this.bus.send(topics.policies.name, [{ key: "current", value }]);
  }

  /** The change from one set to another. */
  async change(from: PolicySet, to: PolicySet): Promise<void> {
    const { revision, generation, mode, created } = to;
    const value = policyDeltaCodec.encode({
      ...{ base_revision: from.revision, revision, generation, mode, created },
      documents: { set: [], deleted: [] },
      ...diffCompiled(tablesOf(from), tablesOf(to)),
    });
    await this.bus.send(topics.policies.name, [{ key: policyDeltaKey(revision), value }]);
  }

  #keep(message: Uint8Array): void {
    const columns = createFlowDecoder().decode(message);
    for (let row = 0; row < columns.count; row++) {
      const generation = columns.generation[row] ?? 0;
      const rule = columns.rule[row];
      this.flows.push({
        src: formatAddress(columns.srcAddr, row * 16),
        dst: formatAddress(columns.dstAddr, row * 16),
        dstPort: columns.dstPort[row] ?? 0,
        protocol: columns.protocol[row] ?? 0,
        packets: columns.packets[row] ?? 0,
        bytes: columns.bytes[row] ?? 0,
        replyPackets: columns.replyPackets[row] ?? 0,
        replyBytes: columns.replyBytes[row] ?? 0,
        connections: columns.connections[row] ?? 0,
        direction: flowSymbols.direction[columns.direction[row] ?? 0] ?? "?",
        verdict: flowSymbols.verdict[columns.verdict[row] ?? 0] ?? "?",
        reason: flowSymbols.reason[columns.reason[row] ?? 0] ?? "?",
        generation,
        ifindex: columns.ifindex[row] ?? 0,
        flags: columns.flags[row] ?? 0,
        handshakeRttUs: columns.handshakeRttUs[row] ?? 0,
        srttUs: columns.srttUs[row] ?? 0,
        firstByteUs: columns.firstByteUs[row] ?? 0,
        retransmits: columns.retransmits[row] ?? 0,
        closeReason: flowSymbols.close_reason[columns.closeReason[row] ?? 0] ?? "?",
        process: columns.processes[(columns.process[row] ?? 0) - 1],
        name: columns.names[(columns.dns[row] ?? 0) - 1],
        ruleText: columns.rules.find((one) => one.generation === generation && one.rule === rule)
          ?.text,
        block: columns.block,
        timeMs: (columns.time[row] ?? 0) / 1000,
      });
    }
  }
}

export function start(
  bed: Bed,
  bus: Bus,
  more: CollectorConfigInput = {},
  doors: Pick<CollectorDoors, "programs"> = {},
): Promise<Collector> {
  const config = collectorConfig.parse({
    node: bed.node,
    runDirectory: bed.runDirectory,
    pinDirectory: bed.pins,
    interfaces: "none",
    sweepIntervalMs: 100,
    blockIntervalMs: 10,
    reportIntervalMs: 200,
    rescanIntervalMs: 200,
    policyWaitMs: 1000,
    activeTimeoutMs: 300,
    ...more,
  });
  return startCollector(config, { bus, log: silentLog(), ...doors });
}

/** What a test has made, as far as it came; nothing of it stays. */
export async function takeDown(made: {
  bed: Bed | undefined;
  recording: RecordingBus | undefined;
  collector?: Collector | undefined;
  processes?: (PodProcess | undefined)[];
}): Promise<void> {
  await made.collector?.stop({ detach: true });
  for (const one of made.processes ?? []) await one?.close();
  await made.recording?.bus.close();
  await made.bed?.close();
}

/** Tries until it does not throw, for at most ten seconds. */
export async function eventually<T>(attempt: () => T | Promise<T>): Promise<T> {
  const deadline = Date.now() + 10_000;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
