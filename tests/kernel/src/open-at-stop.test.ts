import { Bed } from "./bed.ts";
import type { BedPod } from "./bed.ts";
import { RecordingBus, start } from "./station.ts";
import { keep, serve } from "./traffic.ts";
import type { PodProcess } from "./traffic.ts";

/** Counted once each, by whichever collector. */
interface Sum {
  packets: number;
  bytes: number;
  connections: number;
}

describe("connections that are open while collectors come and go", () => {
  let bed: Bed;
  let client: BedPod;
  let server: BedPod;
  const processes: PodProcess[] = [];

  beforeAll(async () => {
    bed = await Bed.make(2);
    [client, server] = bed.pods as [BedPod, BedPod];
    bed.announce(client, server);
  }, 60_000);

  afterAll(async () => {
    for (const one of processes) await one.close();
    await bed?.close();
  });

  it("are told once, to the byte, by all of them together", async () => {
    const recording = await RecordingBus.make();
    processes.push(await serve(server, 7300));
    let collector = await start(bed, recording.bus);
    const kept = [
      await keep(client, server.v4, 7300),
      await keep(client, server.v6, 7300),
      await keep(client, server.v4, 7300),
    ];
    processes.push(...kept);
    for (let round = 0; round < 4; round++) {
      for (const one of kept) expect(await one.exchange()).toBe(true);
      await collector.stop();
      // Nobody is there.
      for (const one of kept) expect(await one.exchange()).toBe(true);
      collector = await start(bed, recording.bus);
      for (const one of kept) expect(await one.exchange()).toBe(true);
    }
    while (processes.length > 1) await processes.pop()?.close();
    await collector.stop({ detach: true });
    for (const { ifindex } of bed.pods) {
      const sum: Sum = { packets: 0, bytes: 0, connections: 0 };
      for (const one of recording.flows) {
        if (one.ifindex !== ifindex) continue;
        sum.packets += one.packets + one.replyPackets;
        sum.bytes += one.bytes + one.replyBytes;
        if (one.dstPort === 7300) sum.connections += one.connections;
      }
      const odometer = recording.report?.odometers.find((one) => one.ifindex === ifindex);
      expect(sum).toEqual({
        packets: (odometer?.from_packets ?? 0) + (odometer?.to_packets ?? 0),
        bytes: (odometer?.from_bytes ?? 0) + (odometer?.to_bytes ?? 0),
        connections: kept.length,
      });
      expect(odometer?.untracked_packets).toBe(0);
    }
    await recording.bus.close();
  }, 60_000);
});
