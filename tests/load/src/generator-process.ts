/** In the node's network namespace: makes real frames arrive at a pod's interface, as asked. */
import { setImmediate as turn, setTimeout as pause } from "node:timers/promises";
import { BpfObject, attachXdp, testRun } from "libbpf-ts";
import { answer } from "./process.ts";

export interface GeneratorTask {
  object: string;
  ifindex: number;
  sourceBe: number;
  destinations: number;
}

/** What has been handed to the interface since the start. */
export interface Generated {
  connections: number;
  probes: number;
  cpuSeconds: number;
}

export interface Burst {
  connections: number;
  seconds: number;
}

/** BPF_F_TEST_XDP_LIVE_FRAMES */
const liveFrames = 1 << 1;
const frameBytes = 54;
const framesPerConnection = 2;
/** Short enough that what is asked in between is answered, and a pace is a pace. */
const mostPerRun = 4096;
const tickMs = 4;
/** The node's: nothing goes over it. */
const loopback = 1;

const task = JSON.parse(process.argv[2] ?? "{}") as GeneratorTask;
const object = BpfObject.open(task.object, {
  settings: { source_be: task.sourceBe, destinations: task.destinations },
}).load();
const links = [
  attachXdp(object.program("take"), { ifindex: task.ifindex, mode: "driver" }),
  // A program that is attached nowhere is patched into the kernel's text for each run, for 25 ms.
  attachXdp(object.program("connections"), { ifindex: loopback, mode: "generic" }),
];
const dataIn = new Uint8Array(frameBytes);
/** struct xdp_md: data, data_end, data_meta, ingress_ifindex, rx_queue_index, egress_ifindex */
const ctxIn = new Uint8Array(new Uint32Array([0, frameBytes, 0, task.ifindex, 0, 0]).buffer);

function run(connections: number): void {
  const repeat = connections * framesPerConnection;
  const options = { dataIn, ctxIn, repeat, flags: liveFrames, dataOutBytes: 0 };
  testRun(object.program("connections"), options);
}

function made(name: "frames" | "probes"): number {
  return Number(object.globals.get(name)) / framesPerConnection;
}

/** `rate` connections a second for so long; 0: as many as there can be. */
async function generate(rate: number, seconds: number): Promise<Burst> {
  const begun = performance.now();
  const first = made("frames");
  let sent = 0;
  for (;;) {
    const passedMs = performance.now() - begun;
    if (passedMs >= seconds * 1000) break;
    const due = rate === 0 ? mostPerRun : Math.floor((rate * passedMs) / 1000) - sent;
    const now = Math.min(due, mostPerRun);
    if (now > 0) run(now);
    sent += Math.max(now, 0);
    if (rate === 0 || due > now) await turn();
    else await pause(tickMs);
  }
  return { connections: made("frames") - first, seconds: (performance.now() - begun) / 1000 };
}

answer(
  {
    generate,
    /** One connection to this port; tells the wall time at which its first frame was handed over. */
    probe(port: number): number {
      const at = Date.now();
      object.globals.set("probe_port", port);
      run(1);
      object.globals.set("probe_port", 0);
      return at;
    },
    generated(): Generated {
      const { user, system } = process.cpuUsage();
      return {
        connections: made("frames"),
        probes: made("probes"),
        cpuSeconds: (user + system) / 1e6,
      };
    },
  },
  () => {
    for (const link of links) link.close();
    object.close();
  },
);
