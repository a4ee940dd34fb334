import { copyFileSync, existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { collectorConfig, startNodeCollectors } from "@weir/collector";
import type { CollectorDoors, NodeCollectors } from "@weir/collector";
import { createMetrics, silentLog } from "@weir/runtime";
import { Bed } from "./bed.ts";
import { RecordingBus, eventually } from "./station.ts";

/** The same, but for one method that throws. */
function lacking<Door extends object>(door: Door, method: keyof Door): Door {
  const fail = (): never => {
    throw new Error(`no ${String(method)}`);
  };
  return Object.assign(Object.create(door) as Door, { [method]: fail });
}

describe("the collectors of a machine", () => {
  let bed: Bed;
  let recording: RecordingBus;
  let collectors: NodeCollectors | undefined;
  const pins = (): string => `/sys/fs/bpf/weir/${bed.node}`;

  beforeAll(async () => {
    bed = await Bed.make(1);
    recording = await RecordingBus.make();
  }, 30_000);

  afterAll(async () => {
    await collectors?.stop({ detach: true });
    await recording?.bus.close();
    await bed?.close();
  });

  it("come with the nodes and go with them, and take everything along", async () => {
    bed.announce(...bed.pods);
    const { runDirectory } = bed;
    const config = collectorConfig.parse({ runDirectory, interfaces: "none", policyWaitMs: 100 });
    collectors = await startNodeCollectors(config, { bus: recording.bus, log: silentLog() });
    expect(collectors.collectors.map((one) => one.node)).toEqual([bed.node]);
    expect(collectors.collectors[0]?.status().attached).toEqual(["wbed1 (bed/pod-1)"]);
    expect(existsSync(pins())).toBe(true);

    rmSync(join(runDirectory, "nodes", `${bed.node}.json`));
    await eventually(() => expect(collectors?.collectors).toEqual([]));
    await eventually(() => expect(existsSync(pins())).toBe(false));

    bed.writeNode();
    await eventually(() => expect(collectors?.collectors).toHaveLength(1));
    await collectors.stop({ detach: true });
    expect(existsSync(pins())).toBe(false);
  });

  it("are started again where they could not start, without a cue", async () => {
    const { runDirectory } = bed;
    const programs = join(runDirectory, "late.bpf.o");
    const config = collectorConfig.parse({
      ...{ runDirectory, interfaces: "none", policyWaitMs: 100, rescanIntervalMs: 200 },
    });
    const doors = { bus: recording.bus, log: silentLog(), programs };
    collectors = await startNodeCollectors(config, doors);
    expect(collectors.collectors).toEqual([]);
    copyFileSync(new URL("../../../bpf/build/flow.bpf.o", import.meta.url), programs);
    await eventually(() => expect(collectors?.collectors).toHaveLength(1));
    await collectors.stop({ detach: true });
    expect(existsSync(pins())).toBe(false);
  });

  it.each<[string, () => Partial<CollectorDoors>]>([
    ["without a bus", () => ({ bus: lacking(recording.bus, "readTable") })],
    ["half made", () => ({ metrics: lacking(createMetrics("nodes"), "gauge") })],
  ])("leave nothing of a first start that failed %s", async (_, broken) => {
    const { runDirectory } = bed;
    const config = collectorConfig.parse({ runDirectory, interfaces: "none" });
    const doors = { bus: recording.bus, log: silentLog(), ...broken() };
    collectors = await startNodeCollectors(config, doors);
    expect([collectors.collectors, existsSync(pins())]).toEqual([[], false]);
    await collectors.stop({ detach: true });
  });
});
