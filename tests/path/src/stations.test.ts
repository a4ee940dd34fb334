import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Bus, createKafkaBus, topics } from "@weir/bus";
import { deadLetterCodec } from "@weir/codec";
import { type RunningBroker, brokerMissing, startBroker } from "@weir/kafka";
import { type Bed, countsExactly } from "./exact-suite.ts";
import { addressesOf, hold, observed, pairManifest, send, serve, serverPort } from "./exact.ts";
import { leftSince, leftovers } from "./leftovers.ts";
import { type Station, eventually, ok, rows } from "./process.ts";
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
    await ok(["lab", "up", pairManifest, "--name", "path"], { timeoutMs: 90_000 });
    stations = new Stations(directory, broker.address, node);
    await stations.startAll();
    bus = createKafkaBus({ brokers: [broker.address], clientId: "test" });
    bed = { env: stations.env, server: await addressesOf("pair", "server") };
    server = await serve();
  }, 240_000);

  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
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
    await restarted.says(/already (stored|there)|token/i, 20_000);
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
    // What the killed process held in its hands is gone with it; that is seen, and is all.
    await new Promise((done) => setTimeout(done, 15_000));
    const lost = await missingPackets(bed);
    process.stderr.write(`kill -9 of the collector lost ${JSON.stringify(lost)}\n`);
    for (const one of lost) expect(one.missing).toBeGreaterThanOrEqual(0);
    expect((await send("tcp", bed.server.v4, 10, 100)).answered).toBe(10);
    await balanced(bed, lost);
  }, 150_000);

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

interface Missing {
  pod: string;
  /** Packets that the interface counted and no row has; below 0: some are there twice. */
  missing: number;
}

async function missingPackets(bed: Bed): Promise<Missing[]> {
  const sql = `SELECT o.pod AS pod, toInt64(o.packets) - toInt64(f.packets) AS missing
    FROM (SELECT node, ifindex, any(pod) AS pod, argMax(from_packets + to_packets, time) AS packets
          FROM odometers WHERE namespace = 'pair' GROUP BY node, ifindex) AS o
    JOIN (SELECT node, ifindex, sum(packets + reply_packets) AS packets
          FROM flows GROUP BY node, ifindex) AS f USING (node, ifindex) ORDER BY pod`;
  return rows<Missing>(await ok(["sql", sql, "-o", "json"], { env: bed.env }));
}

/** What the interfaces counted is what the rows add up to, but for what is known to be missing. */
async function balanced(bed: Bed, known: Missing[] = []): Promise<void> {
  const lost = (pod: string) => known.find((one) => one.pod === pod)?.missing ?? 0;
  await eventually(async () => {
    expect(await missingPackets(bed)).toEqual([
      { pod: "client", missing: lost("client") },
      { pod: "server", missing: lost("server") },
    ]);
  }, 40_000);
}

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
