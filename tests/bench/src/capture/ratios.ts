import { loadFilter } from "../policy-filter.ts";
import type { Filter } from "../policy-filter.ts";
import { openPolicyLab } from "../policy-lab.ts";
import type { Measure, PolicyLab } from "../policy-lab.ts";
import { openWorld } from "../policy-world.ts";
import type { BenchPod } from "../policy-world.ts";
import { percentile, result } from "../result.ts";
import type { Result } from "../result.ts";

const counts: [Measure, count: number][] = [
  ["rtt", 1000],
  ["stream", 4000],
];

/** Both pods watched, no policy, the long way through the node: what observing alone costs. */
function loadObserver(
  { client, server, nodeNetns }: PolicyLab,
  settings: Record<string, number>,
): Promise<Filter> {
  const [one, other] = [client, server].map(({ pod, addresses }) => ({
    name: pod,
    address: addresses.find((address) => !address.includes(":")) ?? "",
  })) as [BenchPod, BenchPod];
  return loadFilter(openWorld(one, other), [client, server], nodeNetns, false, settings);
}

/** What is known of a flow beyond its packets has switches; the rest of them cost nothing here. */
const switches: [suffix: string, settings: Record<string, number>][] = [
  ["", {}],
  ["-no-sockets", { enrich_socket: 0, enrich_process: 0 }],
];

type Samples = Map<string, number[]>;

/** Each of them once, against what the same traffic costs without weir before and after. */
async function oneRound(
  lab: PolicyLab,
  observers: Map<string, Filter>,
  samples: Samples,
): Promise<void> {
  const keep = (key: string, value: number): void => {
    samples.set(key, [...(samples.get(key) ?? []), value]);
  };
  const measureAll = async (): Promise<number[]> => {
    const values: number[] = [];
    for (const [what, count] of counts) values.push(await lab.measure(what, count));
    return values;
  };
  let before = await measureAll();
  for (const [suffix, observer] of observers) {
    observer.attach();
    let observed: number[];
    try {
      observed = await measureAll();
    } finally {
      observer.detach();
    }
    const after = await measureAll();
    for (const [at, [what]] of counts.entries()) {
      const plain = ((before[at] ?? 0) + (after[at] ?? 0)) / 2;
      keep(`${what}-plain`, plain);
      keep(`${what}${suffix}`, (observed[at] ?? 0) / plain);
    }
    before = after;
  }
}

/** Observed to not observed, by the CPU time of both ends. */
export async function measureRatios(
  rounds: number,
  progress: (text: string) => void,
): Promise<Result[]> {
  // One without the generator, whose XDP program costs the interface its offloads.
  await using lab = await openPolicyLab();
  using loaded = new DisposableStack();
  const observers = new Map<string, Filter>();
  for (const [suffix, settings] of switches)
    observers.set(suffix, loaded.use(await loadObserver(lab, settings)));
  const samples: Samples = new Map();
  for (let round = 0; round < rounds; round++) await oneRound(lab, observers, samples);
  progress(`observed against not observed: ${rounds} rounds`);
  const of = (key: string, p: number): number => percentile(samples.get(key) ?? [], p);
  const throughput = (key: string, p: number): number => 1 / of(key, 1 - p);
  const line = (name: string, value: number): Result => result("capture", name, value, "ratio", 1);
  return [
    line("tcp-rtt", of("rtt", 0.5)),
    line("tcp-rtt-p90", of("rtt", 0.9)),
    line("tcp-rtt-no-sockets", of("rtt-no-sockets", 0.5)),
    result("capture", "tcp-rtt-no-weir", of("rtt-plain", 0.5), "ns", null),
    line("stream-throughput", throughput("stream", 0.5)),
    line("stream-throughput-p10", throughput("stream", 0.1)),
    line("stream-throughput-no-sockets", throughput("stream-no-sockets", 0.5)),
    result("capture", "stream-64k-no-weir", of("stream-plain", 0.5), "ns", null),
  ];
}
