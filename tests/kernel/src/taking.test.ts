import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { Datapath, loopback, total } from "./datapath.ts";
import type { Seen } from "./datapath.ts";
import { ethernet, frame, ipv4, protocol, tcp, udp } from "./frame.ts";
import type { TakingWork } from "./taking-worker.ts";

const [syn, rst, ack] = [0x02, 0x04, 0x10];
const [rounds, answers] = [5000, 400];
const [pod, peer] = ["10.0.0.1", "10.0.0.2"];

function segment(flags: number, fromPod: boolean): Uint8Array {
  const [src, dst] = fromPod ? [pod, peer] : [peer, pod];
  const [from, to] = fromPod ? [4000, 80] : [80, 4000];
  return ethernet(
    0x0800,
    ipv4({ src, dst, protocol: protocol.tcp, payload: tcp(from, to, flags, 10) }),
  );
}

/** Packets that come and go without a pause, each direction on a thread of its own. */
async function hammer(
  datapath: Datapath,
  work: [from: Omit<TakingWork, "pin">, to: Omit<TakingWork, "pin">],
  onTurn: () => void,
): Promise<void> {
  const pins = ["from_workload", "to_workload"].map((name) => {
    const pin = `/sys/fs/bpf/taking-${process.pid}-${name}`;
    datapath.object.program(name).pin(pin);
    return pin;
  });
  try {
    const workers = work.map(
      (one, at) =>
        new Worker(new URL("taking-worker.ts", import.meta.url), {
          workerData: { ...one, pin: pins[at] ?? "" } satisfies TakingWork,
        }),
    );
    const running = new Set(workers);
    const ends = Promise.all(
      workers.map((worker) => once(worker, "exit").finally(() => running.delete(worker))),
    );
    ends.catch(() => {});
    while (running.size > 0) {
      onTurn();
      await sleep(0);
    }
    await ends;
  } finally {
    for (const name of ["from_workload", "to_workload"])
      datapath.object.program(name).unpin(`/sys/fs/bpf/taking-${process.pid}-${name}`);
  }
}

describe.each(["flow", "flow-before-5.12"])(
  "%s: counters that edges and sweeps take at once",
  (object) => {
    it("are in exactly one record each", async () => {
      using datapath = new Datapath({ object, flows: 16, ringBytes: 1 << 22 });
      // Watched, so that no sweep deletes the entry under the packets.
      datapath.setEndpoint(loopback, "observe");
      const records: Seen[] = [];
      // A connection that begins and ends all the time, and its answers.
      const opening = { packets: [segment(syn, true), segment(rst, true)], rounds, repeat: 1 };
      const answering = { packets: [segment(ack, false)], rounds: answers, repeat: 10_000 };
      await hammer(datapath, [opening, answering], () => {
        records.push(...datapath.sweep({ flush: true }), ...datapath.edges());
      });
      records.push(...datapath.records());
      const counted = datapath.odometer();
      const packets = (counted["from_packets"] ?? 0) + (counted["to_packets"] ?? 0);
      expect(packets).toBe(2 * rounds + 10_000 * answers);
      expect(total(records).packets).toBe(packets);
      expect(total(records).bytes).toBe((counted["from_bytes"] ?? 0) + (counted["to_bytes"] ?? 0));
      // Of both kinds: only edges have a sequence.
      expect(new Set(records.map(({ sequence }) => sequence > 0))).toEqual(new Set([true, false]));
      expect(records.every((one) => one.packets < 1e9 && one.replyPackets < 1e9)).toBe(true);
    }, 60_000);

    it("are in one record or untracked where the entry is deleted under them", async () => {
      using datapath = new Datapath({ object, flows: 1024, ringBytes: 1 << 20 });
      datapath.setEndpoint(loopback, "observe");
      const settings = datapath.object.map("settings").typed<number, Record<string, bigint>>();
      settings.set(0, { ...settings.get(0), udp_timeout_ns: 1n });
      const ports = Array.from({ length: 100 }, (_, at) => 40_000 + at);
      const datagrams = (fromPod: boolean) => ({
        packets: ports.map((port) => {
          const [src, dst] = fromPod ? [pod, peer] : [peer, pod];
          const payload = fromPod ? udp(port, 53) : udp(53, port);
          return frame({ src, dst, protocol: protocol.udp, payload });
        }),
        ...{ rounds: 2000, repeat: 1 },
      });
      const records: Seen[] = [];
      await hammer(datapath, [datagrams(true), datagrams(false)], () => {
        for (let sweeps = 0; sweeps < 20; sweeps++) records.push(...datapath.sweep());
      });
      records.push(...datapath.expire());
      const counted = datapath.odometer();
      expect(counted).toMatchObject({ from_packets: 200_000, to_packets: 200_000 });
      expect(total(records).packets + (counted["untracked_packets"] ?? 0)).toBe(400_000);
      expect(datapath.dropped("WEIR_DROP_FLOW_GONE")).toBe(counted["untracked_packets"]);
      // Else it was no trial.
      expect(datapath.dropped("WEIR_DROP_FLOWS_DELETED")).toBeGreaterThan(1000);
    }, 120_000);
  },
);
