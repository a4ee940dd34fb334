import type { Collector } from "@weir/collector";
import { Bed } from "./bed.ts";
import type { BedPod } from "./bed.ts";
import { RecordingBus, eventually, start } from "./station.ts";
import { serve, talk } from "./traffic.ts";
import type { PodProcess } from "./traffic.ts";

const port = 7100;

/**
 * Sends each datagram and waits until it comes back: the server echoes, so that a "question" is the
 * answer to itself, and the test chooses every byte of it.
 */
const asker = `
const [address, ...messages] = process.argv.slice(1);
const socket = require("dgram").createSocket(address.includes(":") ? "udp6" : "udp4");
let at = 0;
const next = () => {
  if (at === messages.length) { socket.close(); return console.log(at); }
  socket.send(Buffer.from(messages[at], "hex"), 53, address);
};
socket.on("message", () => { at++; next(); });
next();`;

const name = (text: string): number[] => [
  ...text.split(".").flatMap((label) => [label.length, ...Buffer.from(label)]),
  0,
];

/** An answer with the address; names are written out. */
function answer(asked: string, address: number[], ttlSeconds = 60): Buffer {
  const type = address.length === 4 ? 1 : 28;
  return Buffer.from([
    ...[0, 7, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0],
    ...[...name(asked), 0, type, 0, 1],
    ...[...name(asked), 0, type, 0, 1, 0, 0, ttlSeconds >> 8, ttlSeconds & 255],
    ...[0, address.length, ...address],
  ]);
}

describe("names from the answers that a pod got", () => {
  let bed: Bed;
  let recording: RecordingBus;
  let collector: Collector;
  let client: BedPod;
  let server: BedPod;
  let processes: PodProcess[] = [];

  const v4 = (pod: BedPod): number[] => pod.v4.split(".").map(Number);
  const v6 = (pod: BedPod): number[] => [
    0xfd,
    0x99,
    ...Array<number>(13).fill(0),
    Number(pod.v6.split("::")[1]),
  ];
  const ask = async (address: string, ...messages: Buffer[]): Promise<void> => {
    const texts = messages.map((one) => one.toString("hex"));
    await bed.inPod(client, process.execPath, "-e", asker, address, ...texts);
  };
  const counters = (): Record<string, number> => collector.status().counters;
  /** Of its flows to there, in order; a slow machine makes more than one of a connection. */
  const named = (pod: BedPod, dst: string): (string | undefined)[] =>
    recording.flows
      .filter((one) => one.dst === dst && one.dstPort === port && one.direction === "egress")
      .filter((one) => one.src === (dst.includes(":") ? pod.v6 : pod.v4))
      .map((one) => one.name);

  beforeAll(async () => {
    bed = await Bed.make(3);
    [client, server] = bed.pods as [BedPod, BedPod];
    bed.announce(...bed.pods);
    recording = await RecordingBus.make();
    const enrich = { process: "off", socket: "off", timing: "off" } as const;
    collector = await start(bed, recording.bus, { enrich });
    processes = [await serve(server, 53), await serve(server, port)];
  }, 60_000);

  afterAll(async () => {
    for (const one of processes) await one.close();
    await collector?.stop({ detach: true });
    await recording?.bus.close();
    await bed?.close();
  });

  it("stand in its flows to there, of either family, whichever the answer came by", async () => {
    const answers = [answer("API.bed.example", v4(server)), answer("api.bed.example", v6(server))];
    await ask(server.v4, ...answers);
    const other = bed.pods[2] as BedPod;
    for (const pod of [client, other])
      for (const address of [server.v4, server.v6])
        expect(await talk(bed, pod, "tcp", address, port, { count: 2, bytes: 10 })).toBe(2);
    await eventually(() => {
      for (const address of [server.v4, server.v6]) {
        expect([...new Set(named(client, address))]).toEqual(["api.bed.example"]);
        // It went to the same address, and had asked nobody.
        expect([...new Set(named(other, address))]).toEqual([undefined]);
      }
    });
    expect(recording.flows.filter((one) => one.direction === "ingress" && one.name)).toEqual([]);
    expect(counters()).toMatchObject({
      dns_answers: 2,
      dns_answers_malformed: 0,
      dns_addresses: 2,
    });
  });

  it("are harmless, whoever made them up", async () => {
    await ask(server.v6, answer("\u001b[2J<b>=1,\n.bed.example", v4(server)));
    expect(await talk(bed, client, "tcp", server.v4, port, { count: 1, bytes: 10 })).toBe(1);
    await eventually(() =>
      expect(named(client, server.v4).at(-1)).toBe(
        "\\027\\0912j\\060b\\062\\0611\\044\\010.bed.example",
      ),
    );
  });

  it("come from no answer that is broken: those are counted, and the next one is read", async () => {
    const before = counters();
    const good = answer("later.bed.example", v4(server));
    const broken = Array.from({ length: 40 }, (_, at) => good.subarray(0, good.length - 1 - at));
    const noise = Array.from({ length: 60 }, (_, round) =>
      Buffer.from(
        good.map((byte, at) => (at > 11 && (at * 31 + round) % 7 === 0 ? byte ^ 0xff : byte)),
      ),
    );
    const refusal = Buffer.from(good).fill(0x83, 3, 4);
    await ask(server.v4, ...broken, ...noise, refusal, good);
    await eventually(() => {
      const now = counters();
      const grown = (what: string): number => (now[what] ?? 0) - (before[what] ?? 0);
      const read = ["dns_answers", "dns_answers_void", "dns_answers_malformed"].map(grown);
      expect(read.reduce((sum, one) => sum + one)).toBe(102);
      expect(grown("dns_answers_malformed")).toBeGreaterThanOrEqual(40);
      expect(grown("dns_answers_void")).toBeGreaterThanOrEqual(1);
      expect(grown("dns_answers_lost")).toBe(0);
    });
    expect(await talk(bed, client, "tcp", server.v4, port, { count: 1, bytes: 10 })).toBe(1);
    await eventually(() => expect(named(client, server.v4).at(-1)).toBe("later.bed.example"));
  });

  it("go with the pod", async () => {
    expect(counters()["dns_addresses"]).toBeGreaterThanOrEqual(2);
    await bed.removePod(client);
    await eventually(() => expect(counters()["dns_addresses"]).toBe(0));
  });
});
