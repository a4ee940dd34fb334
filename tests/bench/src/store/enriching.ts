import { type Bus, createMemoryBus, topics } from "@weir/bus";
import { workloadCodec } from "@weir/codec";
import { enricherConfig, startEnricher } from "@weir/enricher";
import { silentLog } from "@weir/runtime";
import type { EmbeddedStore } from "@weir/store";
import { messagesOf, type RecordedBlock } from "./blocks.ts";
import type { World } from "./cluster.ts";

/** Messages that are sent at once. */
const messagesPerSend = 25;

/** Blocks of flows through a memory bus and the enricher into the store. */
export interface Enriching extends AsyncDisposable {
  /** Rows that the store has acknowledged. */
  stored(): Promise<number>;
  /** Processor time that went into making the blocks, in ms: no part of what is measured. */
  readonly feedingCpuMs: number;
  /** Sends no more, waits until all that was sent is stored. Gives the rows sent. */
  finish(): Promise<number>;
}

/** Sends blocks without end, as fast as the enricher takes them. */
export async function startEnriching(
  store: EmbeddedStore,
  world: World,
  blocks: readonly RecordedBlock[],
  lapUs: number,
): Promise<Enriching> {
  const bus = createMemoryBus({ maxPartitionBytes: 64 << 20, maxInFlightBytes: 64 << 20 });
  await announce(bus, world);
  const config = enricherConfig.parse({ functions: ["flows"] });
  const enricher = await startEnricher(config, { bus, store, log: silentLog() });
  const fed = { cpuMs: 0, rows: 0, over: false };
  const feeding = feed(bus, blocks, lapUs, fed);
  // Whoever waits for `finish` is told.
  feeding.catch(() => undefined);
  return {
    stored: async () => (await enricher.metrics.value("rows_stored_total")) ?? 0,
    get feedingCpuMs() {
      return fed.cpuMs;
    },
    async finish() {
      fed.over = true;
      await feeding;
      if (!(await enricher.drain(120_000))) throw new Error("blocks are left on the bus");
      return fed.rows;
    },
    async [Symbol.asyncDispose]() {
      fed.over = true;
      await enricher.stop();
      await bus.close();
    },
  };
}

async function feed(
  bus: Bus,
  blocks: readonly RecordedBlock[],
  lapUs: number,
  fed: { cpuMs: number; rows: number; over: boolean },
): Promise<void> {
  const messages = messagesOf(blocks, lapUs);
  while (!fed.over) {
    const before = process.threadCpuUsage();
    const some = Array.from({ length: messagesPerSend }, () => messages.next().value);
    const { user, system } = process.threadCpuUsage(before);
    fed.cpuMs += (user + system) / 1000;
    await bus.send(
      topics.flows.name,
      some.map(({ key, value }) => ({ key, value })),
    );
    fed.rows += some.reduce((sum, { rows }) => sum + rows, 0);
  }
}

/** The pods, as the controller tells them. */
async function announce(bus: Bus, { pods, nodes }: World): Promise<void> {
  await bus.ensureTopics(Object.values(topics));
  const since = (Date.now() - 40 * 86_400_000) * 1000;
  const messages = pods.map(({ party, address, node }, at) => {
    const value = workloadCodec.encode({
      kind: "pod",
      namespace: party.namespace,
      name: party.pod,
      uid: `uid-${at}`,
      workload: party.workload,
      workload_kind: "Deployment",
      node: nodes[node] ?? "",
      addresses: [address],
      labels: {},
      namespace_labels: {},
      host_network: false,
      ports: [],
      since,
      until: null,
    });
    return { key: `pod/${party.namespace}/${party.pod}/${at}`, value };
  });
  for (let at = 0; at < messages.length; at += 1000)
    await bus.send(topics.workloads.name, messages.slice(at, at + 1000));
}
