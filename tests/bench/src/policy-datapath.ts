import { loadFilter } from "./policy-filter.ts";
import { openPolicyLab } from "./policy-lab.ts";
import type { Measure, PolicyLab } from "./policy-lab.ts";
import { measurePrograms } from "./policy-program.ts";
import { rivalsWith } from "./policy-rivals.ts";
import type { Candidate } from "./policy-rivals.ts";
import { compiledWorld } from "./policy-world.ts";
import { percentile, result } from "./result.ts";
import type { Bench, Result } from "./result.ts";

const sizes = [10, 100, 1000, 10_000];
const measures: [Measure, name: string, count: number][] = [
  ["rtt", "tcp-rtt", 1000],
  ["connect", "connect", 200],
  ["udp", "udp-packet", 4096],
];

type Samples = Map<string, number[]>;

async function weirCandidates(
  lab: PolicyLab,
  stack: DisposableStack,
  wanted: number[],
  progress: (text: string) => void,
): Promise<Candidate[]> {
  const { client, server, nodeNetns } = lab;
  const podOf = ({ pod, addresses }: typeof client) => ({
    name: pod,
    address: addresses.find((one) => !one.includes(":")) ?? "",
  });
  const candidates: Candidate[] = [];
  for (const size of wanted) {
    progress(`compiling and writing ${size} policies`);
    const compiled = compiledWorld(podOf(client), podOf(server), size);
    const add = async (suffix: string, redirects: boolean): Promise<void> => {
      const filter = await loadFilter(compiled, [client, server], nodeNetns, redirects);
      stack.use(filter);
      candidates.push({ suffix, on: () => filter.attach(), off: () => filter.detach() });
    };
    await add(String(size), true);
    if (size === wanted.at(-1)) await add(`${size}-no-redirect`, false);
  }
  return candidates;
}

/** All of them once, each against what the same traffic costs without any filter before and after. */
async function oneRound(lab: PolicyLab, candidates: Candidate[], samples: Samples): Promise<void> {
  const measureAll = async (): Promise<number[]> => {
    const values: number[] = [];
    for (const [what, , count] of measures) values.push(await lab.measure(what, count));
    return values;
  };
  const keep = (key: string, value: number): void => {
    samples.set(key, [...(samples.get(key) ?? []), value]);
  };
  let before = await measureAll();
  for (const candidate of candidates.toSorted(() => Math.random() - 0.5)) {
    await candidate.on();
    let values: number[];
    try {
      values = await measureAll();
    } finally {
      await candidate.off();
    }
    const after = await measureAll();
    for (const [index, [, name]] of measures.entries()) {
      const plain = ((before[index] ?? 0) + (after[index] ?? 0)) / 2;
      keep(name, plain);
      keep(`${name}-${candidate.suffix}`, (values[index] ?? 0) / plain);
    }
    before = after;
  }
}

async function run(options: {
  quick: boolean;
  progress: (text: string) => void;
}): Promise<Result[]> {
  const { quick, progress } = options;
  const results = await measurePrograms(10_000, quick);
  await using lab = await openPolicyLab();
  using loaded = new DisposableStack();
  const wanted = quick ? [10, 10_000] : sizes;
  const candidates = await weirCandidates(lab, loaded, wanted, progress);
  const address = lab.client.addresses.find((one) => !one.includes(":")) ?? "";
  for (const size of quick ? [] : [1000, 10_000]) {
    candidates.push(...(await rivalsWith(size, address, lab.nodeNetns, progress)));
  }
  const samples: Samples = new Map();
  const rounds = quick ? 9 : 21;
  for (let round = 0; round < rounds; round++) {
    await oneRound(lab, candidates, samples);
    progress(`round ${round + 1} of ${rounds}`);
  }
  for (const [, name] of measures) {
    const plain = percentile(samples.get(name) ?? [], 0.5);
    results.push(result("policy", `${name}-no-filter`, plain, "ns", null));
    for (const { suffix } of candidates) {
      const ratio = percentile(samples.get(`${name}-${suffix}`) ?? [], 0.5);
      results.push(result("policy", `${name}-${suffix}`, ratio, "ratio", 1));
    }
  }
  return results;
}

export const policyDatapath: Bench = {
  name: "policy",
  about: "a packet's cost with 10 to 10,000 policies, to no filter at all and to other firewalls",
  run,
};
