import { readdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import type { Collector } from "@weir/collector";
import { Link } from "libbpf-ts";
import { Bed } from "./bed.ts";
import type { BedPod } from "./bed.ts";
import { writeBrokenObject } from "./broken-object.ts";
import { objectPath } from "./datapath.ts";
import { openPort, serverPolicy, shutPort } from "./server-policy.ts";
import { RecordingBus, start, takeDown } from "./station.ts";
import { keep, serve, talk } from "./traffic.ts";
import type { PodProcess } from "./traffic.ts";

describe("a version that cannot take the place of the one before", () => {
  let bed: Bed;
  let recording: RecordingBus;
  let collector: Collector | undefined;
  let kept: PodProcess;
  const processes: PodProcess[] = [];

  beforeAll(async () => {
    bed = await Bed.make(2);
    const [client, server] = bed.pods as [BedPod, BedPod];
    bed.announce(client, server);
    recording = await RecordingBus.make();
    processes.push(await serve(server, openPort), await serve(server, shutPort));
    await recording.enforce(serverPolicy(bed.pods));
    collector = await start(bed, recording.bus);
    kept = await keep(client, server.v4, openPort);
    processes.push(kept);
    await collector.stop();
    collector = undefined;
  }, 60_000);

  afterAll(() => takeDown({ bed, recording, collector, processes }));

  function programs(): number[] {
    const folder = join(bed.pins, "links");
    return readdirSync(folder).map((name) => {
      using link = Link.openPinned(join(folder, name));
      return link.info().programId;
    });
  }

  async function expectEnforced(): Promise<void> {
    const [client, server] = bed.pods as [BedPod, BedPod];
    expect(await kept.exchange()).toBe(true);
    expect(await talk(bed, client, "tcp", server.v4, openPort)).toBe(1);
    expect(await talk(bed, client, "tcp", server.v4, shutPort)).toBe(0);
  }

  it("because its programs do not load says so, and leaves those in place", async () => {
    const before = { programs: programs(), pins: readdirSync(bed.pins) };
    const broken = join(bed.runDirectory, "broken.bpf.o");
    writeBrokenObject(objectPath, broken);
    await expect(start(bed, recording.bus, {}, { programs: broken })).rejects.toThrow(
      /programs do not load; those in place at 2 interfaces go on.*[\s\S]*R9 !read_ok/,
    );
    expect({ programs: programs(), pins: readdirSync(bed.pins) }).toEqual(before);
    await expectEnforced();
  });

  it("because it has no policy for its new maps does not attach, at no attempt", async () => {
    // As if the maps in use were those of another version.
    const maps = readdirSync(bed.pins).find((name) => name.startsWith("maps-")) ?? "";
    renameSync(join(bed.pins, maps), join(bed.pins, "maps-0123456789ab"));
    const before = programs();
    const empty = await RecordingBus.make();
    for (let attempt = 0; attempt < 2; attempt++) {
      await expect(start(bed, empty.bus)).rejects.toThrow(/no policy is in the new maps/);
      expect(programs()).toEqual(before);
      await expectEnforced();
    }
    await empty.bus.close();
    collector = await start(bed, recording.bus);
    expect(programs()).not.toEqual(before);
    expect(readdirSync(bed.pins)).toContain(maps);
    expect(readdirSync(bed.pins)).not.toContain("maps-0123456789ab");
    await expectEnforced();
  });
});
