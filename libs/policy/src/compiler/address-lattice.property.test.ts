import { addressBits, familyOf, formatAddress, parseAddress, parsePrefix } from "../address.ts";
import type { ClusterPod } from "../cluster.ts";
import { applyDelta, compiledOf, tablesOf } from "../compiled-delta.ts";
import { NodeMaps } from "../judge-compiled.ts";
import { readManifests } from "../manifests.ts";
import { PolicyCompiler } from "../policy-compiler.ts";
import { protocolNumber } from "../protocol.ts";
import type { Choices } from "../testing/choices.ts";
import { exampleCount, holdsForAll } from "../testing/choices.ts";

interface Block {
  cidr: string;
  except?: string[];
}

/** Addresses whose bits differ late, early and at the borders of the families. */
const bases = [
  ["10.0.0.0", 32],
  ["10.0.0.255", 32],
  ["10.128.0.1", 32],
  ["255.255.255.255", 32],
  ["0.0.0.0", 32],
  ["fd00::", 128],
  ["fd00::ff", 128],
  ["::", 128],
  ["::fffe:ffff:ffff", 128],
  ["ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 128],
  // IPv4 in IPv6 clothes: from /96 on it is IPv4.
  ["::ffff:10.0.0.0", 128],
] as const;

const lengths4 = [0, 1, 8, 9, 24, 25, 30, 31, 32];
const lengths6 = [0, 1, 64, 95, 96, 97, 120, 127, 128];
const lengthsMapped = [96, 97, 104, 120, 127, 128];

function makeBlock(choices: Choices): Block {
  const [base, most] = choices.pick(bases);
  const lengths = base.startsWith("::ffff:") ? lengthsMapped : most === 32 ? lengths4 : lengths6;
  const at = choices.below(lengths.length);
  const cidr = `${base}/${lengths[at]}`;
  const narrower = lengths.slice(at + 1);
  if (narrower.length === 0 || choices.oneIn(3)) return { cidr };
  return { cidr, except: choices.list(1, 3, () => inside(choices, cidr, choices.pick(narrower))) };
}

/** A block of this length inside the wider one: at its beginning, its end or its middle. */
function inside(choices: Choices, cidr: string, length: number): string {
  const outer = parsePrefix(cidr) as NonNullable<ReturnType<typeof parsePrefix>>;
  const span = 1n << BigInt(addressBits - outer.length);
  const wanted = outer.bits + choices.pick([0n, span - 1n, span / 2n, span / 3n]);
  const at = familyOf(wanted) === outer.family ? wanted : outer.bits;
  const text = formatAddress(at);
  const wasMapped = cidr.startsWith("::ffff:");
  return wasMapped ? `::ffff:${text}/${length}` : `${text}/${length}`;
}

function bitsOf(address: bigint): string {
  return address.toString(2).padStart(addressBits, "0");
}

/** The most naive reading of a block: letters compared, nothing shared with the compiler. */
function naive(block: string, address: string): boolean {
  const [base, length] = block.split("/") as [string, string];
  const isFour = (text: string): boolean => text.includes(".");
  if (isFour(base) !== isFour(address)) return false;
  const [own, other] = [base, address].map((text) => bitsOf(parseAddress(text) as bigint));
  const count = Number(length) + (base.includes(":") ? 0 : 96);
  return other?.slice(0, count) === own?.slice(0, count);
}

function holds({ cidr, except }: Block, address: string): boolean {
  return naive(cidr, address) && !(except ?? []).some((one) => naive(one, address));
}

/** First and last address of every block, and the ones beside them. */
function borders(blocks: readonly Block[]): string[] {
  const most = (1n << BigInt(addressBits)) - 1n;
  const found = new Set<bigint>();
  for (const text of blocks.flatMap(({ cidr, except }) => [cidr, ...(except ?? [])])) {
    const { bits, length } = parsePrefix(text) as NonNullable<ReturnType<typeof parsePrefix>>;
    const last = bits + (1n << BigInt(addressBits - length)) - 1n;
    for (const one of [bits - 1n, bits, (bits + last) / 2n, last, last + 1n]) {
      if (one >= 0n && one <= most) found.add(one);
    }
  }
  return [...found].map((one) => formatAddress(one));
}

function podAt(name: string, address: string): ClusterPod {
  return {
    namespace: "a",
    name,
    labels: {},
    addresses: [address],
    ports: [],
    node: "",
    hostNetwork: false,
    workload: name,
    workloadKind: "Pod",
  };
}

/** Each policy lets the pod call its own blocks on a port of its own, so that each can be asked for alone. */
function policyOf(index: number, blocks: Block[]) {
  const text = JSON.stringify({
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: { name: `p${index}`, namespace: "a" },
    spec: {
      podSelector: {},
      policyTypes: ["Egress"],
      egress: [{ to: blocks.map((ipBlock) => ({ ipBlock })), ports: [{ port: index + 1 }] }],
    },
  });
  return readManifests(text, "blocks.json");
}

function check(choices: Choices): string | undefined {
  const compiler = new PolicyCompiler();
  const follower = tablesOf(compiler.compiled);
  const rules = new Map<number, Block[]>();
  const pods = [
    podAt("subject", "192.0.2.1"),
    ...choices.list(0, 2, (index) => podAt(`q${index}`, choices.pick(bases)[0])),
  ];
  applyDelta(follower, compiler.apply({ pods: { set: pods } }));
  // Come, change and go: what was there must leave nothing behind.
  for (let left = 1 + choices.below(8); left > 0; left -= 1) {
    const index = choices.below(4);
    if (rules.has(index) && choices.oneIn(3)) {
      rules.delete(index);
      applyDelta(follower, compiler.apply({ policies: { deleted: [`a/p${index}`] } }));
      continue;
    }
    const blocks = choices.list(1, choices.oneIn(3) ? 8 : 3, () => makeBlock(choices));
    const { policies, diagnostics } = policyOf(index, blocks);
    if (diagnostics.length > 0) return `${diagnostics[0]?.text} in ${JSON.stringify(blocks)}`;
    rules.set(index, blocks);
    applyDelta(follower, compiler.apply({ policies: { set: policies } }));
  }
  if (rules.size === 0) return undefined;
  const maps = new NodeMaps(compiledOf(follower));
  const tcp = protocolNumber("TCP");
  for (const address of borders([...rules.values()].flat())) {
    for (const [index, blocks] of rules) {
      const remote = parseAddress(address) as bigint;
      const { verdict } = maps.judge("egress", "a/subject", remote, tcp, index + 1);
      const expected = blocks.some((block) => holds(block, address));
      if ((verdict === "allowed") !== expected)
        return `${address} is ${verdict} by rule ${index}\n${JSON.stringify([...rules])}`;
    }
  }
  return undefined;
}

describe("the lattice of addresses", () => {
  it("says of each border what each block says alone", () => {
    holdsForAll("blocks keep out of each other's way", exampleCount(400), check);
  }, 1_800_000);
});
