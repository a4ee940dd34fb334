import { topics } from "@weir/bus";
import type { Bus } from "@weir/bus";
import type { Collector } from "@weir/collector";
import { Bed } from "./bed.ts";
import type { BedPod } from "./bed.ts";
import { RecordingBus, eventually, start, takeDown } from "./station.ts";
import { serve, talk } from "./traffic.ts";
import type { PodProcess } from "./traffic.ts";

const port = 7500;

/** The bus, but for flows while it is away. */
function awayForFlows(bus: Bus, isAway: () => boolean): Bus {
  return new Proxy(bus, {
    get(target, name) {
      const own: unknown = Reflect.get(target, name);
      if (typeof own !== "function") return own;
      return (...given: unknown[]): unknown => {
        if (name === "send" && given[0] === topics.flows.name && isAway())
          return Promise.reject(new Error("away"));
        return Reflect.apply(own, target, given) as unknown;
      };
    },
  });
}

describe("a collector without a spool whose bus is away", () => {
  let bed: Bed;
  let recording: RecordingBus;
  let collector: Collector | undefined;
  let listening: PodProcess;
  let isAway = false;

  beforeAll(async () => {
    bed = await Bed.make(2);
    bed.announce(...bed.pods);
    recording = await RecordingBus.make();
    // No folder can be made there.
    collector = await start(
      bed,
      awayForFlows(recording.bus, () => isAway),
      {
        spoolDirectory: "/dev/null/weir",
      },
    );
  }, 60_000);

  afterAll(() => takeDown({ bed, recording, collector, processes: [listening] }));

  it("watches new pods, and tells the last flows of those that went when the bus is back", async () => {
    const [going, server] = bed.pods as [BedPod, BedPod];
    listening = await serve(server, port);
    expect(await talk(bed, going, "tcp", server.v4, port, { count: 5 })).toBe(5);
    isAway = true;
    expect(await talk(bed, going, "tcp", server.v4, port, { count: 7 })).toBe(7);
    const coming = await bed.addPod();
    const attached = (): string => collector?.status().attached.join() ?? "";
    await bed.removePod(going);
    await eventually(() => expect(attached()).not.toContain(going.interface));
    bed.announce(coming);
    await eventually(() => expect(attached()).toContain(coming.interface));
    isAway = false;
    await eventually(() => {
      const told = recording.flows.filter(
        (one) => one.ifindex === going.ifindex && one.dstPort === port,
      );
      expect(told.reduce((sum, one) => sum + one.connections, 0)).toBe(12);
    });
    expect(collector?.status().counters["spool_waiting_blocks"]).toBe(0);
  }, 60_000);
});
