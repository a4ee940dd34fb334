import { mkdtempSync, readdirSync, rmSync, unlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Bus, createKafkaBus, topics } from "@weir/bus";
import { deadLetterCodec } from "@weir/codec";
import { type RunningBroker, brokerMissing, startBroker } from "@weir/kafka";
import { takeAway } from "./broker-away.ts";
import { type Bed, countsExactly } from "./exact-suite.ts";
import {
  addressesOf,
  hold,
  observed,
  pairManifest,
  send,
  serve,
  serverPort,
  useLab,
} from "./exact.ts";
import { balanced, killAgainAndAgain, ledgerOf, load } from "./spool-faults.ts";
import { leftSince, leftovers } from "./leftovers.ts";
import { type Station, eventually, ok } from "./process.ts";
import { Stations } from "./stations.ts";

const missing = brokerMissing();
if (missing !== undefined) process.stderr.write(`skipped, no Kafka broker: ${missing}\n`);
const onBroker = missing === undefined ? describe : describe.skip;
const node = "path-node-1";

onBroker("stations of their own, over a Kafka broker", () => {
  const directory = mkdtempSync(join(tmpdir(), "stations-"));
  let before: string[];
  let broker: RunningBroker;
  let stations: Stations;
  let server: Station;
  let bus: Bus;
  let bed: Bed;

  beforeAll(async () => {
    before = await leftovers();
    broker = await startBroker({ directory: join(directory, "kafka") });
    useLab("path");
    await ok(["lab", "up", pairManifest, "--name", "path"], { timeoutMs: 90_000 });
    stations = new Stations(directory, broker.address, node);
    await stations.startAll();
    bus = createKafkaBus({ brokers: [broker.address], clientId: "test" });
    bed = { env: stations.env, server: await addressesOf("pair", "server") };
    server = await serve();
  }, 240_000);

  afterAll(async () => {
    // What runs in the pod ends with SIGTERM; SIGKILL ends only who started it.
    if (server?.running) await server.stop("SIGTERM");
    await bus?.close();
    await stations?.[Symbol.asyncDispose]();
    await ok(["collector", "--remove", "--node", node]).catch(() => "");
    await ok(["lab", "down", "--name", "path"]).catch(() => "");
    await broker?.stop();
    rmSync(directory, { recursive: true, force: true });
  }, 120_000);

  countsExactly(() => bed);

  it("sets a malformed message aside and stores its neighbours", async () => {
    const udp = () => observed(bed.env, bed.server.v4, "UDP", serverPort);
    const packets = (await udp()).map((end) => end.packets + 3);
    await bus.send(topics.flows.name, [{ key: node, value: Buffer.from("no flows at all") }]);
    const sent = await send("udp", bed.server.v4, 3, 100);
    expect(sent.answered).toBe(3);
    await eventually(async () => {
      expect((await udp()).map((end) => end.packets)).toEqual(packets);
    }, 20_000);
    const letter = await firstDeadLetter(bus);
    expect(letter).toMatchObject({ topic: topics.flows.name });
    expect(letter.reason).not.toBe("");
    expect(letter.partition).toBeGreaterThanOrEqual(0);
    expect(letter.offset).toBeGreaterThanOrEqual(0);
    expect(Buffer.from(letter.value ?? []).toString()).toBe("no flows at all");
  }, 60_000);

  it("loses and doubles nothing when the enricher is killed in the middle of an insert", async () => {
    const already = await observed(bed.env, bed.server.v4, "TCP", serverPort);
    const store = stations.get("store");
    // The insert is on its way and cannot be acknowledged: the moment that matters.
    store.child.kill("SIGSTOP");
    try {
      const sent = await send("tcp", bed.server.v4, 30, 200);
      expect(sent.answered).toBe(30);
      await new Promise((done) => setTimeout(done, 5_000));
      await stations.get("enricher").stop("SIGKILL");
    } finally {
      store.child.kill("SIGCONT");
    }
    const restarted = await stations.start("enricher");
    await eventually(async () => {
      const ends = await observed(bed.env, bed.server.v4, "TCP", serverPort);
      const connections = ends.map((end) => end.connections);
      expect(connections).toEqual(already.map((end) => end.connections + 30));
    }, 40_000);
    // Whether the first insert reached the store before its client was gone is the store's to say.
    await restarted.says(/"msg":"handing over a batch again"/, 20_000);
    await balanced(bed);
  }, 120_000);

  it("enforces while the collector is away, and established connections live on", async () => {
    await ok(
      ["policy", "apply", "-f", join(import.meta.dirname, "../manifests/server-takes-tcp.yaml")],
      { env: bed.env },
    );
    expect(await send("udp", bed.server.v4, 2, 50)).toMatchObject({ answered: 0 });
    await using held = await hold(bed.server.v4);
    await stations.get("collector").stop("SIGKILL");
    expect(await send("udp", bed.server.v4, 2, 50)).toMatchObject({ answered: 0 });
    expect(await send("tcp", bed.server.v4, 5, 50)).toMatchObject({ answered: 5 });
    await stations.start("collector");
    expect(await send("udp", bed.server.v4, 2, 50)).toMatchObject({ answered: 0 });
    await held.stop("SIGTERM");
    const last = held.output.trim().split("\n").at(-1) ?? "";
    expect(JSON.parse(last)).toEqual({ exchanges: expect.any(Number), failed: 0 });
    expect((JSON.parse(last) as { exchanges: number }).exchanges).toBeGreaterThan(50);
    expect((await send("tcp", bed.server.v4, 10, 100)).answered).toBe(10);
    // What the killed process held in its hands was found by the next one.
    await balanced(bed);
  }, 150_000);

  it("stores every packet once, however often the collector is killed under load", async () => {
    const loads = [load(bed.server.v4), load(bed.server.v4)];
    try {
      await killAgainAndAgain(stations, 5);
    } finally {
      for (const one of loads) await one.stop("SIGTERM");
    }
    await balanced(bed, 60_000);
  }, 180_000);

  it("stores every packet once when the broker hangs, and the collector is killed meanwhile", async () => {
    const { produced } = (await ledgerOf(bed)).find((one) => one.node === node)!;
    await using _load = load(bed.server.v4);
    process.kill(broker.pid, "SIGSTOP");
    try {
      await new Promise((done) => setTimeout(done, 4000));
      await stations.get("collector").stop("SIGKILL");
    } finally {
      process.kill(broker.pid, "SIGCONT");
    }
    const collector = await stations.start("collector");
    await _load.stop("SIGTERM");
    await balanced(bed, 150_000).catch(async (error: unknown) => {
      const told = [collector.output, stations.get("enricher").output].map((one) =>
        one.slice(-3000),
      );
      throw new Error([...told, JSON.stringify(await ledgerOf(bed))].join("\n"), { cause: error });
    });
    expect((await ledgerOf(bed)).find((one) => one.node === node)!.produced).toBeGreaterThan(
      produced,
    );
    expect(collector.running).toBe(true);
  }, 270_000);

  it.each(["refuse", "error"] as const)(
    "stores every packet once when the broker is away: %s",
    async (how) => {
      await using _load = load(bed.server.v4);
      const comeBack = await takeAway(broker, join(directory, "kafka"), how);
      await new Promise((done) => setTimeout(done, 5000));
      broker = await comeBack();
      const collector = stations.get("collector");
      await collector.says(/"catchUpMs":\d+/, 60_000);
      await _load.stop("SIGTERM");
      await balanced(bed, 60_000);
    },
    200_000,
  );

  it("shows a block that vanished as unexplained", async () => {
    const folder = join(stations.spoolDirectory, node);
    process.kill(broker.pid, "SIGSTOP");
    try {
      expect((await send("tcp", bed.server.v4, 20, 100)).answered).toBe(20);
      await new Promise((done) => setTimeout(done, 2000));
      const segments = readdirSync(folder).filter((name) => name.endsWith(".blocks"));
      expect(segments.length).toBeGreaterThan(0);
      for (const name of segments) unlinkSync(join(folder, name));
      expect((await send("tcp", bed.server.v4, 20, 100)).answered).toBe(20);
    } finally {
      process.kill(broker.pid, "SIGCONT");
    }
    await eventually(async () => {
      const ledger = (await ledgerOf(bed)).find((one) => one.node === node);
      expect(ledger).toMatchObject({ complete: false, lost: {} });
      expect(ledger?.unexplained).toBeGreaterThan(0);
      expect(ledger?.produced).toBe((ledger?.stored ?? 0) + (ledger?.unexplained ?? 0));
    }, 60_000);
  }, 120_000);

  it("leaves programs that enforce after SIGTERM, until they are removed", async () => {
    await server.stop("SIGTERM");
    server = await serve();
    await stations.stopAll();
    expect(await send("udp", bed.server.v4, 2, 50)).toMatchObject({ answered: 0 });
    expect(await send("tcp", bed.server.v4, 2, 50)).toMatchObject({ answered: 2 });
    await ok(["collector", "--remove", "--node", node]);
    expect(await send("udp", bed.server.v4, 2, 50)).toMatchObject({ answered: 2 });
    await server.stop("SIGTERM");
    await ok(["lab", "down", "--name", "path"]);
    await bus.close();
    await broker.stop();
    rmSync(directory, { recursive: true, force: true });
    expect(await leftSince(before)).toEqual([]);
  }, 120_000);
});

async function firstDeadLetter(bus: Bus) {
  const group = `test-${process.pid}`;
  let found: Uint8Array | null = null;
  await using _reader = await bus.readGroup({
    group,
    topics: [topics.deadLetters.name],
    maxBatchMessages: 10,
    onBatch: (batch) => {
      found ??= batch.messages[0]?.value ?? null;
      return Promise.resolve();
    },
  });
  // Awaited here: the reader is closed when this function returns.
  return await eventually(() => {
    if (!found) throw new Error("no dead letter yet");
    return deadLetterCodec.decode(found);
  }, 30_000);
}
