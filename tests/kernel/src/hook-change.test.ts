import type { Collector } from "@weir/collector";
import { Bed } from "./bed.ts";
import type { BedPod } from "./bed.ts";
import { RecordingBus, eventually, start, takeDown } from "./station.ts";
import { serve, talk } from "./traffic.ts";
import type { PodProcess } from "./traffic.ts";

const port = 7100;

describe.each([
  ["tcx", "clsact"],
  ["clsact", "tcx"],
] as const)("a node that was watched through %s, and is through %s now", (before, after) => {
  let bed: Bed;
  let recording: RecordingBus;
  let collector: Collector | undefined;
  let client: BedPod;
  let server: BedPod;
  let listening: PodProcess;

  beforeAll(async () => {
    bed = await Bed.make(2);
    [client, server] = bed.pods as [BedPod, BedPod];
    bed.announce(client, server);
    recording = await RecordingBus.make();
    collector = await start(bed, recording.bus, { hook: before });
    listening = await serve(server, port);
  }, 60_000);

  afterAll(() => takeDown({ bed, recording, collector, processes: [listening] }));

  const sent = (): number =>
    recording.flows
      .filter((one) => one.protocol === 17 && one.direction === "egress")
      .reduce((sum, one) => sum + one.packets, 0);

  it("counts every packet once", async () => {
    expect(await talk(bed, client, "udp", server.v4, port, { count: 10 })).toBe(10);
    await eventually(() => expect(sent()).toBe(10));
    await collector?.stop();
    collector = await start(bed, recording.bus, { hook: after });
    expect(await talk(bed, client, "udp", server.v4, port, { count: 10 })).toBe(10);
    // All of it: what another program has counted would be told by now.
    await collector.stop({ detach: true });
    collector = undefined;
    await eventually(() => expect(sent()).toBe(20));
  }, 60_000);
});
