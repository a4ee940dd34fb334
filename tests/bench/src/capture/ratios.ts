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
function loadObserver({ client, server, nodeNetns }: PolicyLab): Promise<Filter> {
  const [one, other] = [client, server].map(({ pod, addresses }) => ({
    name: pod,
    address: addresses.find((address) => !address.includes(":")) ?? "",
  })) as [BenchPod, BenchPod];
  return loadFilter(openWorld(one, other), [client, server], nodeNetns, false);
}

/** Observed to not observed, each round against the same traffic without weir before and after. */
export async function measureRatios(
  rounds: number,
  progress: (text: string) => void,
): Promise<Result[]> {
  // One without the generator, whose XDP program costs the interface its offloads.
  await using lab = await openPolicyLab();
  using observer = await loadObserver(lab);
  const measureAll = async (): Promise<number[]> => {
    const values: number[] = [];
    for (const [what, count] of counts) values.push(await lab.measure(what, count));
    return values;
  };
  const ratios: number[][] = counts.map(() => []);
  const plains: number[][] = counts.map(() => []);
  let before = await measureAll();
  for (let round = 0; round < rounds; round++) {
    observer.attach();
    let observed: number[];
    try {
      observed = await measureAll();
    } finally {
      observer.detach();
    }
    const after = await measureAll();
    for (const at of counts.keys()) {
      const plain = ((before[at] ?? 0) + (after[at] ?? 0)) / 2;
      plains[at]?.push(plain);
      ratios[at]?.push((observed[at] ?? 0) / plain);
    }
    before = after;
  }
  progress(`observed against not observed: ${rounds} rounds`);
  const [rtt = [], stream = []] = ratios;
  const [plainRtt = [], plainStream = []] = plains;
  const throughput = stream.map((ratio) => 1 / ratio);
  return [
    result("capture", "tcp-rtt", percentile(rtt, 0.5), "ratio", 1),
    result("capture", "tcp-rtt-p90", percentile(rtt, 0.9), "ratio", 1),
    result("capture", "tcp-rtt-no-weir", percentile(plainRtt, 0.5), "ns", null),
    result("capture", "stream-throughput", percentile(throughput, 0.5), "ratio", 1),
    result("capture", "stream-throughput-p10", percentile(throughput, 0.1), "ratio", 1),
    result("capture", "stream-64k-no-weir", percentile(plainStream, 0.5), "ns", null),
  ];
}
