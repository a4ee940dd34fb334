import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { apiConfig, startApi } from "@weir/api";
import { type Bus, createMemoryBus, topics } from "@weir/bus";
import {
  createFlowEncoder,
  deadLetterCodec,
  flowLayout,
  flowRecordBytes,
  nodeReportCodec,
  parseAddress,
} from "@weir/codec";
import { type Enricher, enricherConfig, startEnricher } from "@weir/enricher";
import { createMetrics, silentLog } from "@weir/runtime";
import { type Store, openEmbeddedStore } from "@weir/store";

const launcher = resolve(import.meta.dirname, "../../bin/weir");
const opened = new AsyncDisposableStack();
const flows = topics.flows.name;
let env: NodeJS.ProcessEnv;
let bus: Bus;
let store: Store;
let enricher: Enricher;

/** A block of flows from a node, whose clock may be wrong. */
function block(number: number, rows: number, ms = Date.now(), node = "n1"): Uint8Array {
  const records = new Uint8Array(rows * flowRecordBytes);
  for (let row = 0; row < rows; row++) {
    const at = row * flowRecordBytes;
    records.set(parseAddress("10.0.0.1"), at + flowLayout.src_addr.offset);
    records.set(parseAddress("10.0.0.2"), at + flowLayout.dst_addr.offset);
    new DataView(records.buffer).setUint16(at + flowLayout.dst_port.offset, 5000 + row, true);
    records[at + flowLayout.protocol.offset] = 6;
  }
  const encoder = createFlowEncoder();
  const header = {
    ...{ node, bootId: "boot", block: number, clockOffsetNs: BigInt(ms) * 1_000_000n },
    ...{ rules: [], processes: [], names: [] },
  };
  const message = new Uint8Array(encoder.maxBytes(header, rows));
  return message.slice(0, encoder.encode(header, records, rows, message));
}

/** As a function of another version would write it that cannot take the message. */
async function giveUp(offset: number, value: Uint8Array | null, topic: string = flows) {
  const letter = {
    ...{ topic, partition: 0, offset, function: "enrich-flows", reason: "another schema" },
    ...{ time: Date.now() * 1000, key: Buffer.from("n1"), value },
  };
  await bus.send(topics.deadLetters.name, [{ key: "k", value: deadLetterCodec.encode(letter) }]);
}

beforeAll(async () => {
  const directory = mkdtempSync(join(tmpdir(), "weir-cli-letters-"));
  opened.defer(() => rmSync(directory, { recursive: true, force: true }));
  bus = opened.use(createMemoryBus());
  await bus.ensureTopics(Object.values(topics));
  store = opened.use(await openEmbeddedStore({ directory }));
  await store.migrate();
  const common = { bus, store, log: silentLog() };
  const config = enricherConfig.parse({ identity: { windowMs: 0 } });
  enricher = await startEnricher(config, common);
  opened.defer(() => enricher.stop());
  const asked = apiConfig.parse({ listen: "127.0.0.1:0" });
  const api = opened.use(await startApi(asked, { ...common, metrics: createMetrics("api") }));
  env = { ...process.env, WEIR_API: api.url, WEIR_RUN: directory };
  await giveUp(1, block(1, 5));
  await giveUp(2, block(2, 4));
  await giveUp(3, null);
  await giveUp(4, new Uint8Array([1, 2, 3]), topics.events.name);
  // What the enricher itself gives up: no Avro, and times of long ago.
  await bus.send(flows, [{ key: "n1", value: new Uint8Array([9, 9]) }]);
  await bus.send(flows, [{ key: "n1", value: block(3, 2, Date.parse("2020-01-01T00:00:00Z")) }]);
  await enricher.drain(10_000);
  while ((await count("dead_letters")) < 6) await new Promise((wait) => setTimeout(wait, 100));
}, 60_000);
afterAll(() => opened.disposeAsync());

async function count(table: string): Promise<number> {
  const [row] = await store.query<{ n: number }>(`SELECT count() AS n FROM ${table}`);
  return row?.n ?? 0;
}

interface Line {
  letter: string;
  outcome: string;
  because?: string;
  reason: string;
  cannot?: string;
}
function run(args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((done) => {
    execFile(launcher, [...args, "-o", "json"], { env }, (error, stdout, stderr) => {
      done({ code: typeof error?.code === "number" ? error.code : 0, stdout, stderr });
    });
  });
}
async function weir(args: string[]): Promise<{ code: number; lines: Line[]; stderr: string }> {
  const { code, stdout, stderr } = await run(["dead-letters", ...args]);
  const lines = stdout.split("\n").filter((line) => line !== "");
  return { code, lines: lines.map((line) => JSON.parse(line) as Line), stderr };
}

describe("weir dead-letters", () => {
  it("lists them, with which cannot be replayed and why", async () => {
    const { lines } = await weir(["list"]);
    expect(lines).toHaveLength(6);
    const cannot = lines.filter((line) => line.cannot !== undefined);
    expect(cannot.map(({ letter, cannot: why }) => [letter, why])).toEqual([
      [`${flows}:0:3`, "its bytes were not kept"],
      [`${topics.events.name}:0:4`, expect.stringContaining("carry no numbers")],
    ]);
    const some = await weir(["list", "--limit", "1", "--topic", flows]);
    expect(some.lines).toHaveLength(1);
    expect(some.stderr).toBe("only the newest 1 letters; raise --limit for more\n");
    expect((await weir(["list", "--until", "1d"])).lines).toEqual([]);
  });

  it("stores each block once, however often it is replayed, in the roll-ups too", async () => {
    const letters = [`${flows}:0:1`, `${flows}:0:2`];
    const first = await weir(["replay", ...letters, letters[0] ?? ""]);
    expect(first.lines.map(({ letter, outcome }) => [letter, outcome])).toEqual(
      letters.map((letter) => [letter, "stored"]),
    );
    expect(first.code).toBe(0);
    const again = await weir(["replay", ...letters]);
    expect(again.lines.map(({ outcome }) => outcome)).toEqual(["already-stored", "already-stored"]);
    // Somebody else's replay at the same time: the same bytes, sent whatever the store has.
    await bus.send(flows, [{ key: "n1", value: block(9, 3) }]);
    const repeated = await store.query<{ value: string }>(
      "SELECT base64Encode(value) AS value FROM dead_letters WHERE offset IN (1, 2) AND topic = 'weir.flows.v1'",
    );
    for (const { value } of repeated)
      await bus.send(flows, [{ key: "n1", value: Buffer.from(value, "base64") }]);
    await enricher.drain(10_000);
    expect(await count("flows")).toBe(5 + 4 + 3);
    const [edges] = await store.query<{ n: number }>("SELECT sum(rows) AS n FROM edges_1m");
    expect(edges?.n).toBe(5 + 4 + 3);
  });

  it("says why one cannot be, or was refused again", async () => {
    const { lines } = await weir(["list", "--topic", flows]);
    const byReason = (text: string): string =>
      lines.find(({ reason }) => reason.includes(text))?.letter ?? "";
    const old = byReason("2020-01-01");
    const unreadable = lines
      .map(({ letter }) => letter)
      .find((letter) => ![old, ...[1, 2, 3].map((at) => `${flows}:0:${at}`)].includes(letter));
    const asked = [old, unreadable ?? "", `${flows}:0:3`, `${topics.events.name}:0:4`, "x.y:0:9"];
    const { code, lines: replayed } = await weir(["replay", ...asked]);
    expect(code).toBe(1);
    expect(replayed.map(({ letter, outcome, because }) => [letter, outcome, because])).toEqual([
      [old, "refused-again", expect.stringContaining("check the clock of n1")],
      [unreadable, "cannot", expect.stringContaining("cannot read it either")],
      [`${flows}:0:3`, "cannot", "its bytes were not kept: another schema"],
      [`${topics.events.name}:0:4`, "cannot", expect.stringContaining("carry no numbers")],
      ["x.y:0:9", "cannot", "there is no such letter, or it is dropped by now"],
    ]);
    expect((await weir(["replay", "nonsense"])).code).toBe(2);
  });
});

describe("the ledger", () => {
  const minuteMs = 60_000;
  /** What collectors say of themselves: nothing, then so many blocks and flows. */
  const report = (node: string, ms: number, blocks: number, produced: number): Uint8Array =>
    nodeReportCodec.encode({
      ...{ node, boot_id: "boot", time: ms * 1000, version: "0", generation: 0, revision: 0 },
      ...{ mode: "observe", error: null, attached: [], hooks: {}, odometers: [], lost: {} },
      ...{ blocks, produced, counters: { last_block: blocks } },
    });
  const told = async (): Promise<Record<string, unknown>[]> => {
    const { stdout } = await run(["ledger", "--since", "1h"]);
    const { nodes } = JSON.parse(stdout) as { nodes: Record<string, unknown>[] };
    return nodes.map(({ bootId, ...node }) => {
      expect(bootId).toBe("boot");
      return node;
    });
  };

  it("counts a block that was refused for its clock as lost until it was replayed, and no other", async () => {
    const now = Date.now();
    await bus.send(
      topics.nodes.name,
      ["whole", "short"].flatMap((node) => [
        { key: node, value: report(node, now - 3 * minuteMs, 0, 0) },
        { key: node, value: report(node, now - minuteMs, 3, 12) },
      ]),
    );
    // The enricher's clock is three hours behind: what nodes say is of the future.
    const behind = jest.spyOn(Date, "now").mockImplementation(() => now - 180 * minuteMs);
    try {
      for (const node of ["whole", "short"])
        await bus.send(flows, [{ key: node, value: block(2, 4, now - 2 * minuteMs, node) }]);
      await enricher.drain(10_000);
    } finally {
      behind.mockRestore();
    }
    for (const node of ["whole", "short"])
      for (const [number, rows] of node === "whole"
        ? ([
            [1, 5],
            [3, 3],
          ] as const)
        : ([[1, 5]] as const))
        await bus.send(flows, [
          { key: node, value: block(number, rows, now - 2 * minuteMs, node) },
        ]);
    await enricher.drain(10_000);
    const refused = { produced: 12, lost: { dead_letter: 4 }, complete: false };
    expect(await told()).toEqual([
      { node: "short", ...refused, stored: 5, unexplained: 3 },
      { node: "whole", ...refused, stored: 8, unexplained: 0 },
    ]);

    const { lines } = await weir(["list", "--topic", flows]);
    const letters = lines.filter(({ reason }) => /clock of (whole|short)/.test(reason));
    expect(letters).toHaveLength(2);
    for (let time = 0; time < 2; time++)
      expect((await weir(["replay", ...letters.map(({ letter }) => letter)])).code).toBe(0);
    const replayed = { produced: 12, lost: {} };
    expect(await told()).toEqual([
      { node: "short", ...replayed, stored: 9, unexplained: 3, complete: false },
      { node: "whole", ...replayed, stored: 12, unexplained: 0, complete: true },
    ]);
  });
});
