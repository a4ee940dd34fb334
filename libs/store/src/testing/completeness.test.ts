import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import {
  type CertainRow,
  certainQuery,
  type CompletenessRow,
  completenessQuery,
  counted,
  flowsQuery,
  type FlowRow,
  type GapRow,
  gapsQuery,
  keptQuery,
  type KeptRow,
  type Statement,
} from "@weir/query";
import type { Store } from "../contract.ts";
import { encodeRows } from "../tables/encode-rows.ts";
import { ledger } from "../tables/ledger.ts";
import { openTestStore } from "./engine.ts";
import { flowBlock } from "./flows.ts";
import { temporaryDirectory } from "./temporary.ts";

// The questions of completeness, and those about one moment, on the engine.

let folder: Awaited<ReturnType<typeof temporaryDirectory>>;
let store: Store;
const second = 1_000_000;
const now = Math.floor(Date.now() / 1000) * second;
const ago = (seconds: number): number => now - seconds * second;

const report = (
  node: string,
  seconds: number,
  blocks: number,
  lost: Record<string, number> = {},
) => ({
  ...{ version: "0", generation: 0, revision: 0, mode: "observe" as const, error: null },
  ...{ attached: [], hooks: {}, odometers: [], boot_id: "boot-1" },
  ...{ node, time: ago(seconds), blocks, produced: blocks * 10 },
  ...{ counters: { last_block: blocks }, lost },
});
const block = (node: string, number: number, seconds: number) =>
  Array.from({ length: 10 }, () => ({ node, block: number, time: ago(seconds) }));

beforeAll(async () => {
  folder = await temporaryDirectory();
  store = await openTestStore(folder.path);
  await store.migrate();
});
afterAll(async () => {
  await store.close();
  await folder[Symbol.asyncDispose]();
});

function ask<Row>({ sql, parameters }: Statement): Promise<Row[]> {
  return store.query<Row>(sql, { parameters });
}

describe("what is kept", () => {
  const kept = async () => (await ask<KeptRow>(keptQuery()))[0];

  it("is told without reading rows: nothing at first, then from the first row on", async () => {
    const days = { flow_days: 30, minute_days: 30, hour_days: 400 };
    expect(await kept()).toEqual({ first_flow: 0, first_report: 0, ...days });
    const nodes = ["whole", "short", "losing", "silent"];
    await store.insertNative(
      "flows",
      flowBlock([
        ...nodes.flatMap((node) => [1, 3].flatMap((n) => block(node, n, 100 - n * 20))),
        ...["whole", "losing"].flatMap((node) => block(node, 2, 60)),
      ]),
      "completeness flows",
    );
    const reports = nodes
      .filter((node) => node !== "silent")
      .flatMap((node) =>
        [0, 1, 2, 3].map((n) =>
          report(node, 95 - n * 20, n, node === "losing" && n > 1 ? { map: 7 } : {}),
        ),
      );
    await store.insertNative("ledger", encodeRows(ledger, reports), "completeness reports");
    expect(await kept()).toEqual({ first_flow: ago(80), first_report: ago(95), ...days });
  });
});

describe("completeness", () => {
  const range = { since: ago(90), until: now };
  const gaps = async (lookBackSeconds?: number) => {
    const question = {
      ...range,
      settleSeconds: 0,
      ...(lookBackSeconds ? { lookBackSeconds } : {}),
    };
    const rows = await ask<CompletenessRow>(completenessQuery(question));
    const times = await ask<GapRow>(gapsQuery(question));
    return [...counted(range, rows, times).gaps.values()];
  };
  const rfc3339 = (seconds: number): string =>
    new Date(ago(seconds) / 1000).toISOString().replace("Z", "000Z");

  it("tells what is missing and when it was", async () => {
    const found = (await gaps()).toSorted((a, b) => (a.node < b.node ? -1 : 1));
    expect(found).toEqual([
      {
        ...{ node: "losing", lost: { map: 7 }, unexplained: 0 },
        ...{ from: rfc3339(75), to: rfc3339(55) },
      },
      {
        ...{ node: "short", lost: {}, unexplained: 10 },
        ...{ from: rfc3339(75), to: rfc3339(55) },
      },
      { node: "silent", lost: {}, unexplained: 0, unreported: true },
    ]);
  });

  const certain = async (since: number, until: number) => {
    const question = { since: ago(since), until: ago(until), settleSeconds: 0 };
    const rows = await ask<CertainRow>(certainQuery(question));
    return rows.filter((row) => row.certain).map((row) => row.node);
  };

  it("is certain at a glance where a node ran through and all is there", async () => {
    expect(await certain(90, 0)).toEqual(["whole"]);
    expect(await certain(90, 0)).not.toContain("silent");
    // Without the block that did not come; the loss is too near to be sure.
    expect((await certain(50, 0)).toSorted()).toEqual(["short", "whole"]);
    // A range before which nobody reported: nothing is certain, though nothing may be missing.
    expect(await certain(96, 0)).toEqual([]);
    expect(await certain(30, 0)).toEqual([]);
  });
});

describe("flows at a time", () => {
  it("are those with a packet before and after it, a row for each observation", async () => {
    const rows = (
      [
        // port, first packet, last packet, reported: seconds after the start
        [1, 0, 10, 10],
        [1, 0, 20, 20],
        [1, 0, 30, 31],
        [2, 0, 12, 13],
        [3, 16, 40, 40],
        // Silent for an hour in between.
        [4, 5, 3700, 3701],
        [5, 14, 14, 15],
        [5, 15, 15, 15],
      ] as const
    ).map(([port, first, last, at]) => {
      const time = (seconds: number): string =>
        `fromUnixTimestamp64Micro(${ago(20_000 - seconds)}, 'UTC')`;
      return `(${time(at)}, ${time(first)}, ${time(last)}, 'moment', ${port}, ${last})`;
    });
    await store.command(
      `INSERT INTO flows (time, start, last, node, src_port, bytes) VALUES ${rows.join(", ")}`,
    );
    const at = async (seconds: number, limit?: number) => {
      const moment = ago(20_000 - seconds);
      const found = await ask<FlowRow>(
        flowsQuery({ since: moment, at: moment, ...(limit === undefined ? {} : { limit }) }),
      );
      return found.map((row) => [row.src_port, row.bytes]);
    };
    expect(await at(15)).toEqual([
      [5, 15],
      [1, 20],
      [4, 3700],
    ]);
    expect(await at(25)).toEqual([
      [1, 30],
      [3, 40],
      [4, 3700],
    ]);
    expect(await at(31)).toEqual([
      [3, 40],
      [4, 3700],
    ]);
    expect(await at(-1)).toEqual([]);
    expect(await at(4000)).toEqual([]);
  });
});
