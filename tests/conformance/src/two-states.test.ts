import { fateOf, statesAt } from "./lab/two-states.ts";

const side = (egress: boolean, ingress: boolean) => ({ egress, ingress });

describe("what may become of a packet while policy changes", () => {
  it("is the verdict of the one state where there is one", () => {
    expect(fateOf([side(true, true)], true)).toEqual({ may: true, must: true });
    expect(fateOf([side(true, false)], false)).toEqual({ may: false, must: false });
  });

  it("is a mixture of both on two nodes, on one node only in the order of the sides", () => {
    const closing = [side(true, false), side(false, true)];
    expect(fateOf(closing, true)).toEqual({ may: true, must: false });
    expect(fateOf(closing, false)).toEqual({ may: true, must: false });
    const opening = [side(false, true), side(true, false)];
    expect(fateOf(opening, true)).toEqual({ may: false, must: false });
    expect(fateOf(opening, false)).toEqual({ may: true, must: false });
  });

  it("knows which states may have judged", () => {
    const reigns = [
      { fromMs: 0, untilMs: 1000 },
      { fromMs: 900, untilMs: 3000 },
      { fromMs: 2900, untilMs: Infinity },
    ];
    expect(statesAt(reigns, 500, 501)).toEqual([0]);
    expect(statesAt(reigns, 950, 951)).toEqual([0, 1]);
    expect(statesAt(reigns, 850, 851)).toEqual([0, 1]);
    expect(statesAt(reigns, 2000, 2001)).toEqual([1]);
    expect(statesAt(reigns, 5000, 5001)).toEqual([2]);
  });
});
