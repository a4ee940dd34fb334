import { once } from "node:events";
import { createServer } from "node:net";
import type { Server, Socket } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { labExec } from "@weir/lab";

const port = 40_000;
/** Datagrams remembered; at one each millisecond more than any change takes. */
const maxRemembered = 200_000;

/** The clock that all processes of this machine share. */
export function nowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

const clock = `const now = () => Number(process.hrtime.bigint()) / 1e6;`;
const connect = `const up = require("net").connect(process.argv[1]); up.on("close", () => process.exit()); up.on("error", () => process.exit());`;
const sending = `${clock}${connect}
const s = require("dgram").createSocket("udp4");
let n = 0;
setInterval(() => { const t = now(); n++; up.write("s " + n + " " + t + "\\n"); s.send(String(n), ${port}, process.argv[2], () => {}); }, 1);`;
const receiving = `${connect}
const s = require("dgram").createSocket("udp4");
s.on("message", (m) => up.write("r " + m + "\\n"));
s.bind(${port}, () => up.write("r 0\\n"));`;

export interface ProberOptions {
  lab: { name: string; runDirectory: string };
  directory: string;
  sender: string;
  target: string;
  targetAddress: string;
}

/** A datagram each millisecond from one pod to another, and when each was sent that did not arrive. */
export class Prober implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets: Socket[] = [];
  readonly #sent = new Map<number, number>();
  readonly #received = new Set<number>();
  #running: Promise<unknown>[] = [];
  #latest = 0;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(options: ProberOptions): Promise<Prober> {
    const path = join(options.directory, "prober.sock");
    const prober = new Prober(createServer());
    prober.#server.on("connection", (socket) => prober.#read(socket));
    prober.#server.listen(path);
    await once(prober.#server, "listening");
    const run = (pod: string, script: string, ...args: string[]): void => {
      const command = [process.execPath, "-e", script, path, ...args];
      prober.#running.push(labExec({ ...options.lab, pod, command }));
    };
    run(options.target, receiving);
    run(options.sender, sending, options.targetAddress);
    return prober;
  }

  #read(socket: Socket): void {
    this.#sockets.push(socket);
    createInterface({ input: socket }).on("line", (line) => {
      const [kind, number = "", time = ""] = line.split(" ");
      if (kind === "r") this.#received.add(Number(number));
      else this.#sent.set(Number(number), Number(time));
      if (this.#sent.size > maxRemembered) this.forget();
    });
    socket.on("error", () => socket.destroy());
  }

  /** Forgets what was sent so far. */
  forget(): void {
    this.#latest = Math.max(this.#latest, ...this.#received);
    this.#sent.clear();
    this.#received.clear();
  }

  /** What was sent since then arrives, or does not, for a while now. */
  arrives(sinceMs: number): boolean | undefined {
    const numbers = [...this.#sent].filter(([, time]) => time >= sinceMs).map(([number]) => number);
    // The last ones may be on their way.
    const judged = numbers.slice(0, -5);
    if (judged.length < 10) return undefined;
    const arrived = judged.filter((number) => this.#received.has(number)).length;
    if (arrived === judged.length) return true;
    return arrived === 0 ? false : undefined;
  }

  /** What became of what was sent since then, for people. */
  account(sinceMs: number): string {
    const sent = [...this.#sent].filter(([, time]) => time >= sinceMs).map(([number]) => number);
    const received = sent.filter((number) => this.#received.has(number));
    return `${sent.length} sent, ${received.length} received, the last ${received.at(-1)} of ${sent.at(-1)}`;
  }

  /** When the first datagram after `sinceMs` was sent of which none after it arrived. */
  firstDenied(sinceMs: number): number | undefined {
    const sent = [...this.#sent].filter(([, time]) => time >= sinceMs).sort(([a], [b]) => a - b);
    const last = sent.findLastIndex(([number]) => this.#received.has(number));
    return sent[last + 1]?.[1];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await Promise.allSettled(this.#running);
  }
}
