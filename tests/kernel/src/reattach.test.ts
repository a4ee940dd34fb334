import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { Collector } from "@weir/collector";
import { BpfMap } from "libbpf-ts";
import { Bed } from "./bed.ts";
import type { BedPod } from "./bed.ts";
import { RecordingBus, eventually, start, takeDown } from "./station.ts";
import { serve, talk } from "./traffic.ts";
import type { PodProcess } from "./traffic.ts";

/** Offsets in struct flow_key and struct budget (bpf/flow.h, bpf/maps.h). */
const [ifindexAt, liveAt] = [32, 0];
const port = 7400;

describe("an interface that is given up and watched anew in one round", () => {
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
    collector = await start(bed, recording.bus);
    listening = await serve(server, port);
  }, 60_000);

  afterAll(() => takeDown({ bed, recording, collector, processes: [listening] }));

  const pinned = (name: string): BpfMap => {
    const folder = readdirSync(bed.pins).find((one) => one.startsWith("maps-")) ?? "";
    return BpfMap.openPinned(join(bed.pins, folder, name));
  };
  const word = (bytes: Uint8Array, at: number): DataView =>
    new DataView(bytes.buffer, bytes.byteOffset + at);
  /** Entries of the flow map that the interface has, and how many its budget says that it has. */
  const entriesOf = ({ ifindex }: BedPod): { inMap: number; inBudget: number } => {
    using flows = pinned("flows");
    using budgets = pinned("budgets");
    let inMap = 0;
    for (const [key] of flows.entries())
      if (word(key, ifindexAt).getUint32(0, true) === ifindex) inMap++;
    const budget = budgets.lookup(new Uint8Array(Uint32Array.of(ifindex).buffer));
    const live = budget === undefined ? 0n : word(budget, liveAt).getBigInt64(0, true);
    return { inMap, inBudget: Number(live) };
  };
  const odometersOf = ({ ifindex }: BedPod): number =>
    recording.report?.odometers.filter((one) => one.ifindex === ifindex).length ?? 0;

  it("has the entries that it had, and they count", async () => {
    expect(await talk(bed, client, "udp", server.v4, port, { count: 5 })).toBe(5);
    const before = entriesOf(client);
    expect(before.inMap).toBeGreaterThan(0);
    expect(before.inBudget).toBe(before.inMap);
    // Another pod, by its file, at the same interface.
    bed.announce({ ...client, netns: `${client.netns}-again` });
    await eventually(() => expect(odometersOf(client)).toBe(2));
    expect(entriesOf(client)).toEqual(before);
  }, 60_000);
});
