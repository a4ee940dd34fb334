import { readFileSync, readlinkSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { flowFlags } from "@weir/codec";
import type { Collector } from "@weir/collector";
import { Bed } from "./bed.ts";
import type { BedPod } from "./bed.ts";
import { RecordingBus, eventually, start } from "./station.ts";
import type { FlowRow } from "./station.ts";
import { PodProcess, keep, serve, talk } from "./traffic.ts";

/** Of the worker before it answers. */
const waitMs = 100;
const [port, workerPort, earlyPort, closedPort] = [7200, 7201, 7202, 7203];

let bed: Bed;
let recording: RecordingBus;
let collector: Collector;
let client: BedPod;
let server: BedPod;
const running: PodProcess[] = [];
/** Both were there before the collector. */
let early: { server: PodProcess; client: PodProcess };

async function stay(started: Promise<PodProcess>): Promise<PodProcess> {
  const process = await started;
  running.push(process);
  return process;
}

beforeAll(async () => {
  bed = await Bed.make(2);
  [client, server] = bed.pods as [BedPod, BedPod];
  bed.announce(client, server);
  recording = await RecordingBus.make();
  early = {
    server: await stay(serve(server, earlyPort)),
    client: await stay(keep(client, server.v4, earlyPort)),
  };
  collector = await start(bed, recording.bus);
}, 60_000);

afterAll(async () => {
  for (const one of running) await one.close();
  await collector?.stop({ detach: true });
  await recording?.bus.close();
  await bed?.close();
});

const seen = (dstPort: number, direction: "egress" | "ingress"): FlowRow[] =>
  recording.flows.filter((one) => one.dstPort === dstPort && one.direction === direction);

const last = (rows: FlowRow[]): FlowRow => {
  const row = rows.at(-1);
  if (row === undefined) throw new Error("no row yet");
  return row;
};

/** Field 22 of /proc/PID/stat, ticks since boot; the name before it may have blanks. */
function startTicks(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]);
}

function expectProcess(row: FlowRow, pid: number): void {
  expect(row.process).toMatchObject({
    ...{ pid, comm: readFileSync(`/proc/${pid}/comm`, "utf8").trim() },
    executable: readlinkSync(`/proc/${pid}/exe`),
  });
  const [up = 0] = readFileSync("/proc/uptime", "latin1").split(" ").map(Number);
  const startedMs = Date.now() - up * 1000 + startTicks(pid) * 10;
  expect(Math.abs((row.process?.start ?? 0) / 1000 - startedMs)).toBeLessThan(1000);
}

describe("whose a connection is", () => {
  it("says what it has hooks for", () => {
    expect(collector.status().hooks).toMatchObject({ process: "ok", process_accepted: "ok" });
  });

  it("is the client's process at one end, the server's at the other", async () => {
    const listening = await stay(serve(server, port));
    const asking = await stay(keep(client, server.v4, port));
    expect(await asking.exchange()).toBe(true);
    await eventually(() => {
      expectProcess(last(seen(port, "egress")), asking.pid);
      expectProcess(last(seen(port, "ingress")), listening.pid);
    });
  });

  it("is the forked worker's that accepted it, not who made the listening socket", async () => {
    const primary = new PodProcess(server, "worker", String(workerPort), String(waitMs));
    running.push(primary);
    const worker = Number(await primary.line());
    const asking = await stay(keep(client, server.v4, workerPort));
    expect(await asking.exchange()).toBe(true);
    expect(worker).not.toBe(primary.pid);
    await eventually(() => expectProcess(last(seen(workerPort, "ingress")), worker));
    // It took its time to answer, the network did not.
    for (const direction of ["egress", "ingress"] as const) {
      const { firstByteUs, handshakeRttUs } = last(seen(workerPort, direction));
      expect(firstByteUs).toBeGreaterThanOrEqual(waitMs * 1000);
      expect(handshakeRttUs).toBeGreaterThan(0);
      expect(handshakeRttUs).toBeLessThan(firstByteUs);
    }
  });

  it("is known of sockets that were open before, and those connections are marked", async () => {
    expect(await early.client.exchange()).toBe(true);
    await eventually(() => {
      const [at, other] = [
        recording.flows.filter((one) => one.process?.pid === early.client.pid),
        recording.flows.filter((one) => one.process?.pid === early.server.pid),
      ];
      for (const rows of [at, other]) {
        expect(last(rows).flags & flowFlags.beforeStart).toBe(flowFlags.beforeStart);
        expect(last(rows)).toMatchObject({ handshakeRttUs: 0, firstByteUs: 0 });
      }
    });
    // What is opened now is not.
    expect(await talk(bed, client, "tcp", server.v4, earlyPort)).toBe(1);
    await eventually(() => {
      const row = recording.flows.find((one) => one.closeReason === "fin");
      expect((row?.flags ?? 0) & flowFlags.beforeStart).toBe(0);
    });
  });

  it("is the sender's of a datagram, and of an attempt that is refused", async () => {
    const before = recording.flows.length;
    await talk(bed, client, "udp", server.v4, earlyPort);
    await talk(bed, client, "tcp", server.v4, closedPort);
    await eventually(() => {
      const fresh = recording.flows.slice(before);
      const refused = fresh.find(
        (one) => one.closeReason === "refused" && one.direction === "egress",
      );
      const datagram = fresh.find((one) => one.protocol === 17 && one.direction === "egress");
      // They are gone by now, and still have a name.
      expect(refused?.process?.comm).not.toBe("");
      expect(datagram?.process?.pid).toBeGreaterThan(0);
      expect(refused?.process?.pid).toBeGreaterThan(0);
      const answered = fresh.find((one) => one.protocol === 17 && one.direction === "ingress");
      expect(answered?.process?.pid).toBe(early.server.pid);
    });
  });
});

describe("what the sockets know", () => {
  /** `retrans:0/3` of `ss`: what the kernel itself has counted. */
  async function sentAgain(pod: BedPod, dstPort: number): Promise<number> {
    const { stdout } = await bed.inPod(pod, "ss", "-tinH", "dport", "=", `:${dstPort}`);
    return Number(/retrans:\d+\/(\d+)/.exec(stdout)?.[1] ?? 0);
  }

  it("is a round trip, and what was sent again: the rows add up to the kernel's own count", async () => {
    const lossyPort = 7204;
    await stay(serve(server, lossyPort));
    const asking = await stay(keep(client, server.v4, lossyPort));
    expect(await asking.exchange()).toBe(true);
    const rules = `table inet lossy { chain in { type filter hook input priority 0; tcp dport ${lossyPort} drop; }; }`;
    await bed.inPod(server, "sh", "-c", `echo '${rules}' | nft -f -`);
    asking.write("\n");
    await eventually(async () => {
      expect(await sentAgain(client, lossyPort)).toBeGreaterThanOrEqual(2);
    });
    await bed.inPod(server, "nft", "delete", "table", "inet", "lossy");
    await eventually(async () => {
      const { stdout } = await bed.inPod(client, "ss", "-tinH", "dport", "=", `:${lossyPort}`);
      expect(stdout).not.toMatch(/unacked:/);
    });
    // A packet of a later tick has the final count with it.
    await pause(30);
    asking.write("\n");
    await eventually(async () => {
      const total = await sentAgain(client, lossyPort);
      const rows = seen(lossyPort, "egress");
      expect(rows.reduce((sum, one) => sum + one.retransmits, 0)).toBe(total);
      expect(last(rows).srttUs).toBeGreaterThan(0);
      expect(last(rows).handshakeRttUs).toBeGreaterThan(0);
    });
    const atServer = seen(lossyPort, "ingress");
    expect(atServer.reduce((sum, one) => sum + one.retransmits, 0)).toBe(0);
    expect(last(atServer).srttUs).toBeGreaterThan(0);
  });
});

describe("with everything switched off", () => {
  it("nothing is known, nothing is attached, and the status says why", async () => {
    await collector.stop({ detach: true });
    const off = { timing: "off", socket: "off", process: "off" } as const;
    collector = await start(bed, recording.bus, { enrich: off });
    const before = recording.flows.length;
    expect(await talk(bed, client, "tcp", server.v4, earlyPort)).toBe(1);
    await eventually(() => {
      const fresh = recording.flows.slice(before).filter((one) => one.closeReason === "fin");
      expect(fresh).toHaveLength(2);
      for (const one of fresh)
        expect(one).toMatchObject({
          ...{ handshakeRttUs: 0, srttUs: 0, firstByteUs: 0, process: undefined },
        });
    });
    const { hooks } = collector.status();
    for (const name of ["timing", "socket", "process"])
      expect(hooks[name]).toBe("missing: not used, the configuration says off");
  });
});
