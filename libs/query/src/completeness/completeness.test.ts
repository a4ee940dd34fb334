import { describe, expect, it } from "@jest/globals";
import { parseFilter } from "../filter/parse.ts";
import { concernsNode } from "../filter/concerns.ts";
import { slices } from "./slices.ts";
import { type Counted, counted, type NodeGap, verdictOf } from "./verdict.ts";

const hourUs = 3_600_000_000;
const time = (text: string): number => Date.parse(`${text}Z`) * 1000;

describe("slices", () => {
  it("are whole days, quarters and hours, and what is left at the ends", () => {
    const found = slices({
      since: time("2026-03-01T22:59:30"),
      until: time("2026-03-03T07:00:10"),
    });
    expect(found.map((one) => [one.isWhole, (one.until - one.since) / hourUs])).toEqual([
      [false, 30 / 3600],
      [true, 1],
      [true, 24],
      [true, 6],
      [true, 1],
      [false, 10 / 3600],
    ]);
  });

  it.each([
    ["2026-03-01T10:00:00", "2026-03-01T10:00:00"],
    ["2026-03-01T10:20:00", "2026-03-01T10:40:00"],
    ["2026-02-27T10:20:00", "2026-03-02T00:00:00"],
  ])("cover %s to %s without a gap", (from, to) => {
    let at = time(from);
    for (const one of slices({ since: at, until: time(to) })) {
      expect(one.since).toBe(at);
      expect(one.until).toBeGreaterThan(at);
      at = one.until;
    }
    expect(at).toBe(time(to));
  });
});

describe("the verdict", () => {
  const range = { since: time("2026-03-01T10:00:00"), until: time("2026-03-01T11:00:00") };
  const settled = time("2026-03-01T12:00:00");
  const run = { boot_id: "b", lost: {}, lost_before: {} };
  const part = (...rows: Parameters<typeof counted>[1]): Counted => counted(range, rows);
  const ask = (parts: Counted[], more: object = {}) =>
    verdictOf({ ...range, settled, ...more }, parts);

  it("is complete where every node's records are there", () => {
    expect(ask([part({ ...run, node: "a", produced: 10, stored: 10 })])).toEqual({
      ...{ verdict: "complete", from: "2026-03-01T10:00:00.000Z", to: "2026-03-01T11:00:00.000Z" },
      ...{ lost: {}, unexplained: 0, nodes: [] },
    });
  });

  it("adds up what is missing over parts, the worst node first", () => {
    const early: NodeGap[] = [{ node: "a", lost: { map: 3 }, unexplained: 0, from: "2", to: "3" }];
    const late = part(
      { ...run, node: "a", produced: 10, stored: 9 },
      {
        ...run,
        node: "b",
        produced: 30,
        stored: 10,
        lost: { spool: 15 },
        lost_before: { spool: 5 },
      },
    );
    const gaps = new Map(early.map((gap) => [gap.node, gap]));
    const answer = ask([{ reported: new Set(["a"]), gaps }, late]);
    expect(answer).toMatchObject({ verdict: "incomplete", lost: { map: 3, spool: 10 } });
    expect(answer.unexplained).toBe(11);
    expect(answer.nodes).toEqual([
      { node: "b", lost: { spool: 10 }, unexplained: 10 },
      { node: "a", lost: { map: 3 }, unexplained: 1, from: "2", to: "3" },
    ]);
    // What was counted is remembered: a verdict leaves it as it was.
    expect(early[0]?.unexplained).toBe(0);
  });

  it("names eight nodes and counts the others", () => {
    const rows = Array.from({ length: 11 }, (_, at) => ({
      ...{ ...run, node: `n${at}`, produced: at + 1, stored: 0 },
    }));
    const answer = ask([part(...rows)]);
    expect([answer.nodes[0]?.node, answer.nodes.length, answer.moreNodes]).toEqual(["n10", 8, 3]);
  });

  it("is unknown where nobody reported, or something came of a node that did not", () => {
    const none = { ...run, boot_id: "", produced: 0, stored: 0 };
    const fine = { ...run, node: "a", produced: 1, stored: 1 };
    expect(ask([])).toMatchObject({ verdict: "unknown", because: "no node reported in that time" });
    const silent = ask([part(fine, { ...none, node: "x" })]);
    expect([silent.verdict, silent.nodes.map((gap) => gap.unreported)]).toEqual([
      "unknown",
      [true],
    ]);
    expect(silent.because).toContain("node x and no report");
    const short = ask([part({ ...fine, stored: 0 }, { ...none, node: "x" })]);
    expect(short.verdict).toBe("incomplete");
    expect(ask([part(fine)], { because: "sums only" })).toMatchObject({
      ...{ verdict: "unknown", because: "sums only" },
    });
  });

  it("says from when on nothing is said", () => {
    const fine = part({ ...run, node: "a", produced: 1, stored: 1 });
    const half = range.since + hourUs / 2;
    expect(ask([fine], { settled: half })).toMatchObject({
      ...{ verdict: "complete", pending: "2026-03-01T10:30:00.000Z" },
    });
    expect(ask([], { settled: range.since - 1 })).toMatchObject({
      ...{ verdict: "unknown", pending: "2026-03-01T10:00:00.000Z" },
      because: expect.stringContaining("recent"),
    });
  });

  it("is about the nodes of the question", () => {
    const both = part(
      { ...run, node: "a", produced: 1, stored: 1 },
      { ...run, node: "b", produced: 1, stored: 0 },
    );
    const of = (node: string) => ask([both], { concerns: (one: string) => one === node }).verdict;
    expect(["a", "b", "c"].map(of)).toEqual(["complete", "incomplete", "unknown"]);
  });
});

describe("a filter concerns a node", () => {
  it.each([
    ["node = a", true, false],
    ["node != a", false, true],
    ["not (node = a or dst.port = 80)", false, true],
    ["not (node = a and dst.port = 80)", true, true],
    ["dst.port = 80 and node in (b, c)", false, true],
    ["dst.port = 80 or node in (b, c)", true, true],
    ["node ~ a* and not node ~ *", false, false],
  ])("%s", (text, a, b) => {
    const filter = parseFilter(text, 0);
    expect([concernsNode(filter, "a"), concernsNode(filter, "b")]).toEqual([a, b]);
  });
});
