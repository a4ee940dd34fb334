/**
 * What policies cost: entries, bytes of the kernel's maps, time to compile everything, time to
 * compile one edit. growth-table.ts prints the table of GROWTH.md.
 */
import type { CompiledDelta } from "../compiled-delta.ts";
import { PolicyCompiler } from "../policy-compiler.ts";
import type { CompilerChange } from "../policy-compiler.ts";
import type { GrowthShape } from "./growth-world.ts";
import { appsOf, growthPod, growthPolicies, growthWorld } from "./growth-world.ts";

/** Key and value in bpf/wire.h; the kernel's own bookkeeping per entry comes on top. */
const identityBytes = 20 + 4;
const ruleBytes = 16 + 4;
const endpointBytes = 4 + 8;

export interface Growth {
  shape: GrowthShape;
  pods: number;
  policies: number;
  identities: number;
  /** Entries of the table of addresses. */
  prefixes: number;
  ruleSets: number;
  rules: number;
  /** Of all three maps of one slot, by the sizes of bpf/wire.h. */
  bytes: number;
  /** CPU time of the thread that compiles: of everything, and of an edit on the average. */
  fullMs: number;
  editCpuMs: number;
  /** One policy or pod added, changed or deleted, by the clock: other work on the machine is in it. */
  editP50Ms: number;
  editP99Ms: number;
  editMaxMs: number;
  /** Map writes of an edit. */
  writesP50: number;
  writesMax: number;
}

/** Of this thread: what else runs on the machine has no part in it. */
function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

function writesOf(delta: CompiledDelta): number {
  return [delta.identities, delta.endpoints, delta.entries]
    .map(({ set, deleted }) => set.length + deleted.length)
    .reduce((sum, one) => sum + one, 0);
}

/** Edits that end where they began: each thing is added, changed and deleted again. */
export function* growthEdits(
  shape: GrowthShape,
  pods: number,
  policies: number,
  rounds: number,
): Generator<CompilerChange> {
  const apps = appsOf(pods);
  for (let round = 0; round < rounds; round += 1) {
    const at = (round * 7919) % Math.max(policies, 1);
    const [old, fresh] = [
      growthPolicies(shape, at, 1, apps)[0],
      growthPolicies(shape, policies + round, 1, apps)[0],
    ];
    if (old === undefined || fresh === undefined) return;
    yield { policies: { set: [fresh] } };
    yield { policies: { deleted: [`${fresh.namespace}/${fresh.name}`] } };
    yield { policies: { deleted: [`${old.namespace}/${old.name}`] } };
    yield { policies: { set: [old] } };
    const { ingress, egress } = fresh;
    yield { policies: { set: [{ ...old, ingress, egress }] } };
    yield { policies: { set: [old] } };
    const pod = growthPod((round * 104_729) % pods, apps);
    const born = growthPod(pods + round, apps);
    yield { pods: { set: [born] } };
    yield { pods: { deleted: [`${born.namespace}/${born.name}`] } };
    yield { pods: { set: [{ ...pod, labels: { ...pod.labels, tier: "moved" } }] } };
    yield { pods: { set: [pod] } };
  }
}

function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

export function measureGrowth(
  shape: GrowthShape,
  pods: number,
  policies: number,
  rounds = 20,
): Growth {
  const world = growthWorld(shape, pods, policies);
  const compiler = new PolicyCompiler();
  const began = cpuMs();
  compiler.apply({
    pods: { set: world.pods },
    policies: { set: world.policies },
    namespaces: { set: world.namespaces },
  });
  const fullMs = cpuMs() - began;
  const { identities, endpoints, entries } = compiler.compiled;
  const times: number[] = [];
  const writes: number[] = [];
  const cpuBefore = cpuMs();
  for (const change of growthEdits(shape, pods, policies, rounds)) {
    const start = performance.now();
    const delta = compiler.apply(change);
    times.push(performance.now() - start);
    writes.push(writesOf(delta));
  }
  // The scheduler counts in ticks: only the sum over many edits means something.
  const editCpuMs = (cpuMs() - cpuBefore) / times.length;
  times.sort((a, b) => a - b);
  writes.sort((a, b) => a - b);
  return {
    shape,
    pods,
    policies,
    identities: new Set(identities.map((one) => one.identity)).size,
    prefixes: identities.length,
    ruleSets: new Set(entries.map((one) => one.rule_set)).size,
    rules: entries.length,
    bytes:
      identities.length * identityBytes +
      entries.length * ruleBytes +
      endpoints.length * endpointBytes,
    fullMs,
    editCpuMs,
    editP50Ms: percentile(times, 0.5),
    editP99Ms: percentile(times, 0.99),
    editMaxMs: times.at(-1) ?? 0,
    writesP50: percentile(writes, 0.5),
    writesMax: writes.at(-1) ?? 0,
  };
}
