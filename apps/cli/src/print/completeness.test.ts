import { describe, expect, it } from "@jest/globals";
import type { Completeness } from "@weir/api";
import { completenessText } from "./completeness.ts";

const now = new Date("2026-03-03T04:00:00Z");
const verdict = (more: Partial<Completeness>): Completeness => ({
  ...{ verdict: "incomplete", from: "2026-03-03T03:05:00.000Z", to: now.toISOString() },
  ...{ lost: {}, unexplained: 0, nodes: [] },
  ...more,
});
const times = { from: "2026-03-03T03:10:04.123456Z", to: "2026-03-03T03:12:10.000000Z" };

describe("a verdict in words", () => {
  it.each<[string, Partial<Completeness>]>([
    ["", { verdict: "complete" }],
    [
      "not known to be complete: no node reported in that time",
      { verdict: "unknown", because: "no node reported in that time" },
    ],
    [
      "not known to be complete, of all that is kept: no node reported in that time",
      { verdict: "unknown", because: "no node reported in that time", sinceAlways: true },
    ],
    [
      "not complete: 1,204 flow records of node b were lost between 03:10:04 and 03:12:10 UTC (ring full); weir ledger says more",
      {
        lost: { ring: 1204 },
        nodes: [{ node: "b", lost: { ring: 1204 }, unexplained: 0, ...times }],
      },
    ],
    [
      "not complete: 1 flow record of node b did not arrive; weir ledger says more",
      { unexplained: 1, nodes: [{ node: "b", lost: {}, unexplained: 1 }] },
    ],
    [
      "not complete: 12 flow records of nodes b and c were lost between 2020-01-01 03:00:00 and 2020-01-02 03:00:00 UTC (spool full while the bus was away, strange, 2 not accounted for); weir ledger --since 2020-01-01T03:00:00Z says more",
      {
        lost: { spool: 6, strange: 4 },
        unexplained: 2,
        nodes: [
          { node: "b", lost: { spool: 6 }, unexplained: 2, from: "2020-01-01T03:00:00Z" },
          { node: "c", lost: { strange: 4 }, unexplained: 0, to: "2020-01-02T03:00:00Z" },
          { node: "d", lost: {}, unexplained: 0, unreported: true },
        ],
      },
    ],
    [
      "not complete: 3 flow records of 11 nodes, b the most, did not arrive; weir ledger says more",
      { unexplained: 3, moreNodes: 10, nodes: [{ node: "b", lost: {}, unexplained: 3 }] },
    ],
    [
      "not complete: more flow records are stored than node b made; weir ledger says more",
      { nodes: [{ node: "b", lost: {}, unexplained: 0 }] },
    ],
  ])("%s", (text, more) => {
    expect(completenessText(verdict(more), now)).toBe(text);
  });
});
