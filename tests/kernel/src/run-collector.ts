/**
 * `run-collector.ts OPTIONS` (a CollectorTask as JSON): says "starting" and "watching" and goes on
 * until it is killed. With `pods` it has a policy for them, which it spells anew every few
 * milliseconds, as a change or as a whole.
 */
import { createMemoryBus, topics } from "@weir/bus";
import type { Bus } from "@weir/bus";
import { policyDeltaCodec, policyDeltaKey, policySetCodec, policySetKey } from "@weir/codec";
import { collectorConfig, handOver, startCollector } from "@weir/collector";
import { diffCompiled, tablesOf } from "@weir/policy";
import { createLog } from "@weir/runtime";
import { spelledPolicy } from "./server-policy.ts";
import type { PolicyPod } from "./server-policy.ts";

export interface CollectorTask {
  node: string;
  runDirectory: string;
  pinDirectory: string;
  hook?: "tcx" | "clsact";
  pods?: PolicyPod[];
  user?: string;
}

const { pods, ...settings } = JSON.parse(process.argv[2] ?? "{}") as CollectorTask;
const changeIntervalMs = 7;
const snapshotEvery = 20;

async function changePolicy(bus: Bus, of: PolicyPod[]): Promise<void> {
  let set = spelledPolicy(of, 1);
  const publishSet = (): Promise<void> =>
    bus.send(topics.policies.name, [{ key: policySetKey, value: policySetCodec.encode(set) }]);
  await publishSet();
  setInterval(() => {
    const next = spelledPolicy(of, set.generation + 1);
    const { revision: base } = set;
    const { revision, generation, mode, created } = next;
    const value = policyDeltaCodec.encode({
      ...{ base_revision: base, revision, generation, mode, created },
      documents: { set: [], deleted: [] },
      ...diffCompiled(tablesOf(set), tablesOf(next)),
    });
    set = next;
    if (revision % snapshotEvery === 0) void publishSet();
    else void bus.send(topics.policies.name, [{ key: policyDeltaKey(revision), value }]);
  }, changeIntervalMs);
}

const config = collectorConfig.parse({ ...settings, interfaces: "none", rescanIntervalMs: 200 });
handOver(config);
process.stdout.write("starting\n");
const bus = createMemoryBus();
await bus.ensureTopics(Object.values(topics));
if (pods !== undefined) await changePolicy(bus, pods);
await startCollector(config, { bus, log: createLog({ name: "collector", level: "warn" }) });
process.stdout.write("watching\n");
