import { afterAll, describe, expect, it } from "@jest/globals";
import type { FlowColumns, Workload } from "@weir/codec";
import { createFlowDecoder, recordCodec } from "@weir/codec";
import { ExternalNetworks, IdentityIndex, unknownParty, workloadKey } from "@weir/identity";
import type { Party } from "@weir/identity";
import { EndNames } from "./end-names.ts";

/** WEIR_CHURN_SEED repeats a run. */
const seed = Number(process.env["WEIR_CHURN_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
const pods = 10_000;
const addressCount = 500;
const flowsPerBlock = 200;
const second = 1_000_000;
const startUs = 1_790_000_000_000_000;
/** News that is on time is there before the flow is looked at. */
const headStartUs = 0.2 * second;
/** What is late comes after that, mixed with what is newer. */
const latestUs = 90 * second;
/** How long a block with somebody unknown waits. */
const windowUs = 3 * second;
const node = (number: number): string => `node-${number}`;
const nodes = 10;

const flowBlocks = recordCodec("FlowBlock");
const decoder = createFlowDecoder();
let state = seed >>> 0;
function random(below: number): number {
  state = (state + 0x6d2b79f5) | 0;
  let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
  return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
}

/** What the cluster did: who really had an address, and when. */
interface Life {
  pod: Workload;
  until: number;
  /** When the enricher hears of its beginning and of its end. */
  bornKnown: number;
  endKnown: number;
}

function address(number: number): Uint8Array {
  const bytes = new Uint8Array(16);
  bytes.set([0xff, 0xff, 10, 64, number >> 8, number & 255], 10);
  return bytes;
}

function record(kind: Workload["kind"], name: string, more: Partial<Workload>): Workload {
  return {
    ...{ kind, namespace: kind === "pod" ? "shop" : "", name, uid: `uid-${name}` },
    ...{ workload: name, workload_kind: "Node", node: node(0), addresses: [], labels: {} },
    ...{ namespace_labels: {}, host_network: false, ports: [], since: startUs, until: null },
    ...more,
  };
}

/** One address's holders, one after the other; a rollout gives a workload's next pod a new name. */
function holders(of: number, newsUs: number): Life[] {
  const lives: Life[] = [];
  let at = startUs + random(20 * second);
  for (let turn = 0; turn < pods / addressCount; turn++) {
    const since = at;
    const until = since + second / 10 + random(60 * second);
    const workload = `app-${random(200)}`;
    const pod = record("pod", `${workload}-${of}x${turn}`, {
      ...{ workload, workload_kind: "Deployment", node: node(random(nodes)), since },
      addresses: [address(of)],
    });
    // Of a change of hands one half is on time: of an address whose old owner's end and new owner's
    // beginning are both untold, nobody could know.
    const isBornLate = random(10) === 0;
    const before = lives.at(-1);
    if (isBornLate && before)
      before.endKnown = Math.max(before.until + random(headStartUs), before.bornKnown + 1);
    const bornKnown = since + random(isBornLate ? newsUs : headStartUs);
    const endKnown = until + random(random(5) === 0 ? newsUs : headStartUs);
    lives.push({ pod, until, bornKnown, endKnown: Math.max(endKnown, bornKnown + 1) });
    // Three in four addresses go on within a second, some at once.
    at = until + [0, random(second), random(second), random(30 * second)][random(4)]!;
  }
  return lives;
}

interface Message {
  at: number;
  key: string;
  workload: Workload | null;
  atUs: number;
}

/** As the table tells it: in order for a key, in any order between keys. */
function news(lives: Life[]): Message[] {
  const messages: Message[] = [];
  for (const { pod, until, bornKnown, endKnown } of lives) {
    const key = workloadKey(pod);
    messages.push({ at: bornKnown, key, workload: pod, atUs: pod.since });
    const isBare = random(4) === 0;
    const ended = isBare ? null : { ...pod, until };
    messages.push({ at: endKnown, key, workload: ended, atUs: until });
    // The tombstone goes too, once nobody needs it; and some records come twice.
    if (random(4) === 0) messages.push({ at: endKnown + 1, key, workload: ended, atUs: until });
  }
  return messages.sort((one, two) => one.at - two.at);
}

/** Flows of one half second, as a block that is read once the head start is over. */
function block(
  number: number,
  addresses: Uint8Array[],
  times: number[],
  of: number[],
): FlowColumns {
  let before = startUs;
  const flow = {
    ...{ first: 0, last: 0, sequence: 0, packets: 1, bytes: 1, reply_packets: 0 },
    ...{ reply_bytes: 0, ifindex: 1, generation: 0, rule: 0, src_port: 40_000, dst_port: 80 },
    ...{ cpu: 0, protocol: 6, flags: 0, tcp_flags: 0, reply_tcp_flags: 0, connections: 1 },
    ...{ process: 0, dns: 0, handshake_rtt_us: 0, srtt_us: 0, retransmits: 0, first_byte_us: 0 },
    ...({ close_reason: "none", direction: "egress", verdict: "allowed" } as const),
    ...({ reason: "observed", kind: "closed" } as const),
  };
  const flows = times.map((time, row) => {
    const difference = time - before;
    before = time;
    return { ...flow, time: difference, src_addr: of[row]!, dst_addr: of[row]! };
  });
  const whole = { node: "n1", boot_id: "b", block: number, base_time: startUs, addresses, flows };
  const message = flowBlocks.encode({ ...whole, rules: [], processes: [], names: [] });
  return decoder.decode(message);
}

interface Tally {
  right: number;
  /** Nobody had the address, and that is what the row says. */
  rightlyUnknown: number;
  /** The owner's record had not come: the row says unknown. */
  notYetKnown: number;
  /** Nobody had the address any more, which nobody had told; it goes to the latest who had it. */
  endNotYetKnown: number;
  wrong: string[];
}

function judge(tally: Tally, said: Party, lives: Life[], atUs: number, nowUs: number): void {
  const owner = lives.find(({ pod, until }) => pod.since <= atUs && atUs < until);
  const name = said === unknownParty ? "" : said.pod;
  if (owner !== undefined && name === owner.pod.name && said.workload === owner.pod.workload) {
    tally.right++;
  } else if (name === "" && said === unknownParty) {
    if (owner === undefined) tally.rightlyUnknown++;
    else if (owner.bornKnown > nowUs) tally.notYetKnown++;
    else tally.wrong.push(`${owner.pod.name} was known and is not named`);
  } else {
    const latest = lives.findLast(({ pod }) => pod.since <= atUs);
    if (owner === undefined && latest?.pod.name === name && latest.endKnown > nowUs)
      tally.endNotYetKnown++;
    else tally.wrong.push(`${name} for ${owner?.pod.name ?? "nobody"} at ${atUs - startUs}`);
  }
}

/**
 * Plays the news and describes flows between, each block when its head start is over, or when
 * everybody in it is known who had an address, at the latest after the window.
 */
function play(
  index: IdentityIndex,
  histories: Life[][],
  { pruneEveryBlocks, waitUs }: { pruneEveryBlocks: number; waitUs: number },
): Tally {
  const tally = { right: 0, rightlyUnknown: 0, notYetKnown: 0, endNotYetKnown: 0, wrong: [] };
  const messages = news(histories.flat());
  const endUs = messages.at(-1)?.at ?? startUs;
  const parties: Party[] = [];
  const networks = new ExternalNetworks();
  const intern = (party: Party): number => parties.push(party) - 1;
  const names = new EndNames({ identity: index, networks: () => networks, intern });
  const addresses = histories.map((_, number) => address(number));
  let [next, number] = [0, 0];
  for (let from = startUs; from < endUs; from += 4 * second) {
    const times = Array.from({ length: flowsPerBlock }, () => from + random(second / 2)).sort(
      (one, two) => one - two,
    );
    const of = times.map(() => random(addressCount));
    let nowUs = from + second / 2 + headStartUs;
    const hear = (): void => {
      for (; next < messages.length && messages[next]!.at <= nowUs; next++) {
        const { key, workload, atUs } = messages[next]!;
        index.applyRecord(key, workload, atUs);
      }
    };
    const isMissing = (at: number, row: number): boolean =>
      index.resolve(addresses[of[row]!]!, at) === undefined;
    for (hear(); times.some(isMissing) && nowUs < from + second / 2 + waitUs; hear())
      nowUs += second / 20;
    if (++number % pruneEveryBlocks === 0) index.prune(nowUs);
    const columns = block(number, addresses, times, of);
    const numbers = names.name(columns, columns.srcAddrIndex, columns.srcPort, 0, flowsPerBlock);
    for (const [row, at] of times.entries())
      judge(tally, parties[numbers[row]!]!, histories[of[row]!]!, at, nowUs);
  }
  return tally;
}

function indexOfNodes(bounds: ConstructorParameters<typeof IdentityIndex>[0]): IdentityIndex {
  const index = new IdentityIndex(bounds);
  for (let one = 0; one < nodes; one++)
    index.apply(record("node", node(one), { addresses: [address(1000 + one)] }));
  // On its node's network: must never stand for the node, nor for a pod with the same address.
  for (let one = 0; one < 500; one++)
    index.apply(record("pod", `agent-${one}`, { host_network: true, addresses: [address(one)] }));
  return index;
}

describe(`10,000 pods on ${addressCount} addresses, WEIR_CHURN_SEED=${seed}`, () => {
  const histories = Array.from({ length: addressCount }, (_, of) => holders(of, latestUs));
  afterAll(() => {
    process.stderr.write(`churn of identities: WEIR_CHURN_SEED=${seed}\n`);
  });

  it.each([
    ["every tombstone kept", { tombstoneKeepMs: 86_400_000 }],
    ["tombstones kept while news may be that late", { tombstoneKeepMs: (2 * latestUs) / 1000 }],
    ["few claims held of an address", { tombstoneKeepMs: 86_400_000, maxPerAddress: 6 }],
  ])("has no flow with the wrong pod: %s", (_, bounds) => {
    const index = indexOfNodes(bounds);
    const { wrong, ...tally } = play(index, histories, { pruneEveryBlocks: 5, waitUs: 0 });
    expect(wrong.slice(0, 10)).toEqual([]);
    expect(wrong).toHaveLength(0);
    // It did happen: each kind of answer was given.
    for (const count of Object.values(tally)) expect(count).toBeGreaterThan(100);
    expect(tally.right).toBeGreaterThan(tally.notYetKnown * 5);
  });

  it("knows everybody whose news comes within the window", () => {
    const late = Array.from({ length: addressCount }, (_, of) => holders(of, windowUs));
    const index = indexOfNodes({ tombstoneKeepMs: 86_400_000 });
    const { wrong, ...tally } = play(index, late, { pruneEveryBlocks: 5, waitUs: windowUs });
    expect(wrong).toEqual([]);
    expect(tally.notYetKnown).toBe(0);
    expect(tally.right).toBeGreaterThan(10_000);
    expect(tally.rightlyUnknown).toBeGreaterThan(100);
  });
});
