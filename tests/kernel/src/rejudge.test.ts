import type { PolicySet } from "@weir/codec";
import { parseAddress } from "@weir/codec";
import type { Collector } from "@weir/collector";
import { Bed } from "./bed.ts";
import type { BedPod } from "./bed.ts";
import { podCounters } from "./pod-counters.ts";
import { RecordingBus, eventually, start, takeDown } from "./station.ts";
import { keep, serve } from "./traffic.ts";
import type { PodProcess } from "./traffic.ts";

const port = 7400;
const tcp = 6;

/** The server is isolated both ways; `friends` may come to its port. */
function policySet(pods: BedPod[], generation: number, friends: number[]): PolicySet {
  return {
    ...{ generation, revision: generation, mode: "enforce", created: Date.now() * 1000 },
    documents: [],
    identities: pods.flatMap((pod, index) =>
      [pod.v4, pod.v6].map((text) => ({
        ...{ addr: parseAddress(text), prefix_bits: 128, identity: 16 + index },
      })),
    ),
    endpoints: pods.map((pod, index) => ({
      ...{ namespace: "bed", pod: pod.name },
      ...{
        uid: "",
        ingress_rule_set: index === 0 ? 900 : 0,
        egress_rule_set: index === 0 ? 901 : 0,
      },
    })),
    entries: friends.map((index) => ({
      ...{ rule_set: 900, identity: 16 + index, prefix_bits: 88, protocol: tcp, port, rule: 40 },
    })),
    rules: [{ rule: 40, text: "bed/server ingress[0]" }],
  };
}

describe.each([
  ["the short way", "auto"],
  ["the node's stack", "off"],
] as const)("established connections when the policy changes, through %s", (_, redirectToPeer) => {
  let bed: Bed;
  let recording: RecordingBus;
  let collector: Collector | undefined;
  let pods: [BedPod, BedPod, BedPod];
  const processes: PodProcess[] = [];
  let generation = 0;

  beforeAll(async () => {
    bed = await Bed.make(3);
    pods = bed.pods as [BedPod, BedPod, BedPod];
    bed.announce(...pods);
    recording = await RecordingBus.make();
    processes.push(await serve(pods[0], port));
  }, 60_000);

  afterAll(() => takeDown({ bed, recording, collector, processes }));

  const allow = async (...friends: number[]): Promise<void> => {
    generation++;
    await recording.enforce(policySet(pods, generation, friends));
    await eventually(() => expect(recording.report).toMatchObject({ generation, error: null }));
  };

  const connect = async (pod: BedPod, ip: "v4" | "v6"): Promise<PodProcess> => {
    const one = await keep(pod, pods[0][ip], port);
    processes.push(one);
    return one;
  };

  /** A packet that was lost shows as one that was sent again. */
  const sentAgain = async (pod: BedPod): Promise<number> =>
    (await podCounters(bed, pod))["TcpRetransSegs"] ?? 0;

  it("goes on with what was there before us, whoever began it, and stops what is not allowed", async () => {
    const [, allowed, refused] = pods;
    const before = [await connect(allowed, "v4"), await connect(refused, "v4")] as const;
    expect(await before[0].exchange()).toBe(true);
    expect(await before[1].exchange()).toBe(true);
    collector = await start(bed, recording.bus, { redirectToPeer });
    await allow(1);
    expect(await before[0].exchange()).toBe(true);
    expect(await before[1].exchange()).toBe(false);
    expect(await sentAgain(allowed)).toBe(0);
  });

  it.each(["v4", "v6"] as const)(
    "stops what is no longer allowed, and nothing else loses a packet, IP%s",
    async (ip) => {
      const [server, kept, cut] = pods;
      await allow(1, 2);
      const [staying, leaving, idle] = [
        await connect(kept, ip),
        await connect(cut, ip),
        await connect(cut, ip),
      ];
      expect(await leaving.exchange()).toBe(true);
      expect(await idle.exchange()).toBe(true);
      const lost = await sentAgain(kept);
      let exchanges = 0;
      const over = new AbortController();
      const talking = (async () => {
        while (!over.signal.aborted) {
          expect(await staying.exchange()).toBe(true);
          exchanges++;
        }
      })();
      for (let round = 0; round < 3; round++) {
        await allow(1, 2);
        await allow(1);
      }
      expect(await leaving.exchange()).toBe(false);
      // Nothing was sent on it since: it is judged when it speaks.
      expect(await idle.exchange()).toBe(false);
      over.abort();
      await talking;
      expect(exchanges).toBeGreaterThan(20);
      expect(await sentAgain(kept)).toBe(lost);
      await eventually(() => {
        const denied = recording.flows.filter(
          (one) => one.verdict === "denied" && one.src === cut[ip] && one.dst === server[ip],
        );
        expect(denied.length).toBeGreaterThan(0);
        for (const one of denied) expect(one.direction).toBe("ingress");
      });
    },
  );
});
