import type { Collector } from "@weir/collector";
import { Bed } from "./bed.ts";
import type { BedPod } from "./bed.ts";
import { serverPolicy, shutPort } from "./server-policy.ts";
import { RecordingBus, eventually, start, takeDown } from "./station.ts";
import { serve, talk } from "./traffic.ts";
import type { PodProcess } from "./traffic.ts";

/** IPv6, where no kernel minds packets that come in with the node's own address. */
const nodeAddress = "fd99::ff";

describe("the address of a node", () => {
  let bed: Bed;
  let recording: RecordingBus;
  let collector: Collector | undefined;
  let server: PodProcess | undefined;

  beforeAll(async () => {
    bed = await Bed.make(2);
    await bed.inNode("ip", "-6", "addr", "add", `${nodeAddress}/128`, "dev", "lo");
    bed.writeNode([nodeAddress]);
    bed.announce(...bed.pods);
    recording = await RecordingBus.make();
    server = await serve(bed.pods[1] as BedPod, shutPort);
    await recording.enforce(serverPolicy(bed.pods));
    collector = await start(bed, recording.bus);
  }, 60_000);

  afterAll(() => takeDown({ bed, recording, collector, processes: [server] }));

  async function received(pod: BedPod): Promise<number> {
    const { stdout } = await bed.inPod(pod, "cat", "/proc/self/net/snmp6");
    return Number(/^Udp6InDatagrams\s+(\d+)/m.exec(stdout)?.[1]);
  }

  it("lets in the node, and not a pod that writes it", async () => {
    const [pod, target] = bed.pods as [BedPod, BedPod];
    const node: BedPod = { ...pod, netns: bed.node };
    expect(await talk(bed, node, "udp", target.v6, shutPort, { count: 3 })).toBe(3);
    expect(await received(target)).toBe(3);

    await bed.inPod(pod, "ip", "-6", "addr", "add", `${nodeAddress}/128`, "dev", "lo");
    const route = ["default", "via", "fe80::1", "dev", "eth0", "src", nodeAddress];
    await bed.inPod(pod, "ip", "-6", "route", "replace", ...route);
    await talk(bed, pod, "udp", target.v6, shutPort, { count: 3 });
    await eventually(() => {
      const forged = recording.flows.filter((one) => one.src === nodeAddress);
      const told = forged.map((one) => `${one.direction} ${one.verdict} ${one.reason}`);
      expect(told).toContain("egress allowed not_isolated");
      expect(told).toContain("ingress denied default_deny");
    });
    expect(await received(target)).toBe(3);
  }, 60_000);
});
