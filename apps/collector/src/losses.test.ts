import { describe, expect, it } from "@jest/globals";
import type { Drops } from "./flow-reader.ts";
import { lossesOf } from "./losses.ts";

const drops: Drops = {
  ...{ ringFull: 0, mapFull: 0, fragmentMap: 0, flowsCreated: 9, flowsDeleted: 1, peerGone: 0 },
  ...{ uncounted: 0, flowShare: 0, edgeBudget: 0, edgeMerged: 0, edgeTaken: 0, flowGone: 0 },
};

describe("what is lost", () => {
  it("is nothing where only edges were late: the counts come with the sweep", () => {
    const late = { ...drops, ringFull: 1000, edgeBudget: 500 };
    expect(lossesOf(late, { droppedRecords: 0, damagedRecords: 0 })).toEqual({
      map: 0,
      map_share: 0,
      spool: 0,
      spool_damaged: 0,
    });
  });

  it("is what found no room in the map, and what the spool could not keep", () => {
    const full = { ...drops, mapFull: 2, flowShare: 7 };
    expect(lossesOf(full, { droppedRecords: 4, damagedRecords: 3 })).toEqual({
      map: 2,
      map_share: 7,
      spool: 4,
      spool_damaged: 3,
    });
  });
});
