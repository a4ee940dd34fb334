import { existsSync } from "node:fs";
import type { PolicySet } from "@weir/codec";
import type { Collector } from "@weir/collector";
import { collectorConfig, removeCollector } from "@weir/collector";
import { silentLog } from "@weir/runtime";
import { Bed } from "./bed.ts";
import type { BedPod } from "./bed.ts";
import { CollectorProcess } from "./collector-process.ts";
import {
  openPort as open,
  serverPolicy as policySet,
  shutPort as shut,
  spelledPolicy,
} from "./server-policy.ts";
import { RecordingBus, eventually, start, takeDown } from "./station.ts";
import { keep, serve, talk } from "./traffic.ts";
import type { PodProcess } from "./traffic.ts";

describe("a node whose policy is enforced", () => {
  let bed: Bed;
  let recording: RecordingBus;
  let collector: Collector | undefined;
  let client: BedPod;
  let server: BedPod;
  const processes: PodProcess[] = [];

  const inForce = (generation: number) =>
    eventually(() => expect(recording.report).toMatchObject({ generation, error: null }));

  beforeAll(async () => {
    bed = await Bed.make(2);
    [client, server] = bed.pods as [BedPod, BedPod];
    bed.announce(client, server);
    recording = await RecordingBus.make();
    processes.push(await serve(server, open), await serve(server, shut));
  }, 60_000);

  afterAll(() => takeDown({ bed, recording, collector, processes }));

  it("drops what no rule allows, and says by which policy", async () => {
    collector = await start(bed, recording.bus);
    expect(await talk(bed, client, "tcp", server.v4, shut)).toBe(1);
    await recording.enforce(policySet(bed.pods));
    await inForce(1);
    for (const address of [server.v4, server.v6]) {
      expect(await talk(bed, client, "tcp", address, open, { count: 2 })).toBe(2);
      expect(await talk(bed, client, "tcp", address, shut)).toBe(0);
      expect(await talk(bed, client, "udp", address, open)).toBe(0);
    }
    await eventually(() => {
      const denied = recording.flows.filter((one) => one.verdict === "denied");
      expect(denied.length).toBeGreaterThanOrEqual(4);
      for (const one of denied) {
        expect(one).toMatchObject({
          src: expect.stringMatching(/99/) as string,
          reason: "default_deny",
          ruleText: "default-deny ingress (bed/pod-2)",
          generation: 1,
          direction: "ingress",
        });
      }
      expect(
        recording.flows.find((one) => one.reason === "policy" && one.dstPort === open),
      ).toMatchObject({ ruleText: "bed/server ingress[0]", verdict: "allowed" });
    });
  });

  it("records in shadow what it would deny, and denies nothing", async () => {
    await recording.enforce(policySet(bed.pods, { generation: 2, mode: "shadow" }));
    await inForce(2);
    expect(await talk(bed, client, "tcp", server.v4, shut)).toBe(1);
    await eventually(() => {
      const shadow = recording.flows.find((one) => one.reason === "shadow_deny");
      expect(shadow).toMatchObject({ verdict: "allowed", generation: 2, dstPort: shut });
    });
  });

  it("lets everything in from the node itself", async () => {
    await recording.enforce(policySet(bed.pods, { generation: 3 }));
    await inForce(3);
    const program = new URL("talk.ts", import.meta.url).pathname;
    const fromNode = async (): Promise<number> => {
      const { stdout } = await bed.inNode(
        ...[process.execPath, program, "tcp", server.v4, String(shut), "1", "10"],
      );
      return (JSON.parse(stdout) as { answered: number }).answered;
    };
    expect(await fromNode()).toBe(0);
    bed.writeNode(["169.254.1.1"]);
    await eventually(async () => expect(await fromNode()).toBe(1));
    await eventually(() =>
      expect(recording.flows.find((one) => one.reason === "node")).toMatchObject({
        src: "169.254.1.1",
        dstPort: shut,
      }),
    );
  });

  it("keeps the policy in force when the next one cannot be read", async () => {
    await recording.bus.send("weir.policies.v1", [
      { key: "current", value: Uint8Array.of(0, 1, 2) },
    ]);
    await eventually(() => expect(recording.report?.error).toMatch(/unreadable policy/));
    expect(recording.report).toMatchObject({ generation: 3 });
    expect(await talk(bed, client, "tcp", server.v4, shut)).toBe(0);
    await recording.enforce(policySet(bed.pods, { generation: 4 }));
    await inForce(4);
  });

  it("keeps the policy in force when the next one does not fit the kernel", async () => {
    const entries = [{ ...policySet(bed.pods).entries[0]!, prefix_bits: 400 }];
    await recording.enforce(policySet(bed.pods, { generation: 5, entries }));
    await eventually(() =>
      expect(recording.report?.error).toMatch(/generation 5, .*prefix of 400 bits/),
    );
    expect(recording.report).toMatchObject({ generation: 4 });
    expect(await talk(bed, client, "tcp", server.v4, shut)).toBe(0);
    await recording.enforce(policySet(bed.pods, { generation: 6 }));
    await inForce(6);
  });

  it("takes changes where they follow on, and says so at once", async () => {
    const at = (generation: number, port: number): PolicySet => {
      const set = policySet(bed.pods, { generation });
      return { ...set, entries: set.entries.map((one) => ({ ...one, port })) };
    };
    const written = (): number => recording.report?.counters["policy_entries_written"] ?? 0;
    const before = written();
    await recording.change(at(6, open), at(7, shut));
    await inForce(7);
    expect(await talk(bed, client, "tcp", server.v4, shut)).toBe(1);
    expect(await talk(bed, client, "tcp", server.v4, open)).toBe(0);
    // One rule that goes and one that comes, in both copies.
    await eventually(() => expect(written() - before).toBe(4));
    await recording.change(at(8, shut), at(9, open));
    await eventually(() => expect(recording.report?.error).toMatch(/revision 7 are missing/));
    expect(await talk(bed, client, "tcp", server.v4, open)).toBe(0);
    await recording.enforce(at(10, open));
    await inForce(10);
    expect(await talk(bed, client, "tcp", server.v4, open)).toBe(1);
  });

  it("cuts an established connection that a new policy forbids, and tells both halves", async () => {
    const kept = await keep(client, server.v4, open);
    processes.push(kept);
    expect(await kept.exchange()).toBe(true);
    await recording.enforce(policySet(bed.pods, { generation: 11, entries: [] }));
    await inForce(11);
    expect(await kept.exchange()).toBe(false);
    await recording.enforce(policySet(bed.pods, { generation: 12 }));
    await inForce(12);
    await eventually(() => {
      const halves = recording.flows.filter(
        (one) => one.dstPort === open && one.direction === "ingress" && one.generation >= 10,
      );
      const verdicts = new Set(halves.map((one) => `${one.generation} ${one.verdict}`));
      expect([...verdicts]).toEqual(expect.arrayContaining(["10 allowed", "11 denied"]));
    });
  });

  it("gives each packet the verdict of the old policy or of the new one while they change", async () => {
    const talking = new AbortController();
    let generation = 12;
    const switching = (async () => {
      while (!talking.signal.aborted) {
        await recording.enforce(spelledPolicy(bed.pods, ++generation));
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    })();
    const [allowed, denied] = await Promise.all([
      talk(bed, client, "tcp", server.v4, open, { count: 600, bytes: 2000 }),
      talk(bed, client, "tcp", server.v6, shut, { count: 3 }),
    ]);
    talking.abort();
    await switching;
    expect(generation).toBeGreaterThan(22);
    expect(allowed).toBe(600);
    expect(denied).toBe(0);
    await recording.enforce(policySet(bed.pods, { generation: 10_000 }));
    await inForce(10_000);
  });

  it("refuses a second collector, and names the process that has the node", async () => {
    await expect(start(bed, recording.bus)).rejects.toThrow(`process ${process.pid}`);
  });

  it("goes on enforcing without a collector; the next one goes on where this one stopped", async () => {
    const kept = await keep(client, server.v4, open);
    processes.push(kept);
    expect(await kept.exchange()).toBe(true);
    await collector?.stop();
    const blocks = Math.max(...recording.flows.map((one) => one.block));
    const told = recording.flows.length;

    expect(await talk(bed, client, "tcp", server.v4, shut)).toBe(0);
    expect(await talk(bed, client, "tcp", server.v4, open)).toBe(1);
    expect(await kept.exchange()).toBe(true);
    expect(recording.flows).toHaveLength(told);

    // Without a policy on its bus: what the kernel holds stays.
    const empty = await RecordingBus.make();
    collector = await start(bed, empty.bus);
    expect(collector.status()).toMatchObject({ generation: 10_000, mode: "enforce" });
    expect(await talk(bed, client, "tcp", server.v4, shut)).toBe(0);
    expect(await kept.exchange()).toBe(true);
    await eventually(() => {
      // What was counted while nobody was there.
      const denied = empty.flows.filter((one) => one.verdict === "denied" && one.dstPort === shut);
      expect(denied.reduce((sum, one) => sum + one.connections, 0)).toBe(2);
      expect(Math.min(...empty.flows.map((one) => one.block))).toBe(blocks + 1);
    });
    // The connection was told of before: nothing of it is counted as opened again.
    const again = empty.flows.filter((one) => one.dstPort === open && one.direction === "ingress");
    expect(again.reduce((sum, one) => sum + one.connections, 0)).toBe(1);
    await collector.stop();
    collector = undefined;
    await empty.bus.close();
  });

  it("goes on enforcing after kill -9, and is taken over", async () => {
    const child = await CollectorProcess.start(bed);
    expect(await talk(bed, client, "tcp", server.v4, shut)).toBe(0);
    await child.kill();
    expect(await talk(bed, client, "tcp", server.v4, shut)).toBe(0);
    expect(await talk(bed, client, "tcp", server.v4, open)).toBe(1);
    collector = await start(bed, recording.bus);
    await inForce(10_000);
    expect(await talk(bed, client, "tcp", server.v4, shut)).toBe(0);
    expect(await talk(bed, client, "tcp", server.v4, open)).toBe(1);
    await collector.stop();
    collector = undefined;
  });

  it("tells the rest of a pod that went while nobody was there", async () => {
    const third = await bed.addPod();
    bed.announce(third);
    collector = await start(bed, recording.bus);
    await collector.stop();
    expect(await talk(bed, third, "udp", server.v4, open, { count: 1 })).toBe(0);
    await bed.removePod(third);
    const later = await RecordingBus.make();
    collector = await start(bed, later.bus);
    expect(collector.status().attached).toHaveLength(2);
    await eventually(() => {
      const rest = later.flows.filter(
        (one) => one.ifindex === third.ifindex && one.protocol === 17,
      );
      expect(rest).toMatchObject([{ src: third.v4, packets: 1, connections: 1 }]);
      const odometer = later.report?.odometers.find((one) => one.ifindex === third.ifindex);
      expect(odometer).toMatchObject({ interface: `gone-${third.ifindex}` });
    });
    await collector.stop();
    collector = undefined;
    await later.bus.close();
  });

  it("is let go by remove, after which nothing is enforced or pinned", async () => {
    const config = collectorConfig.parse({
      node: bed.node,
      runDirectory: bed.runDirectory,
      pinDirectory: bed.pins,
    });
    expect(await removeCollector(config, silentLog())).toBe(true);
    expect(await talk(bed, client, "tcp", server.v4, shut)).toBe(1);
    expect(existsSync(bed.pins)).toBe(false);
    expect(await removeCollector(config, silentLog())).toBe(false);
  });
});
