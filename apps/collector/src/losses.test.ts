import { describe, expect, it } from "@jest/globals";
import type { Drops } from "./flow-reader.ts";
import { lossesOf } from "./losses.ts";

const none = { ringFull: 0, mapFull: 0, fragmentMap: 0, peerGone: 0, uncounted: 0 };
const drops: Drops = { ...none, flowsCreated: 9, flowsDeleted: 1 };

describe("what is lost", () => {
  it("is nothing where only the ring was full: the counts come with the sweep", () => {
    const late = { ...drops, ringFull: 1000 };
    expect(lossesOf(late, { flowsEvicted: 0 }, { droppedRecords: 0, damagedRecords: 0 })).toEqual({
      map: 0,
      spool: 0,
      spool_damaged: 0,
    });
  });

  it("is what the map gave up or refused, and what the spool could not keep", () => {
    const full = { ...drops, mapFull: 2 };
    expect(lossesOf(full, { flowsEvicted: 3 }, { droppedRecords: 4, damagedRecords: 2 })).toEqual({
      map: 5,
      spool: 4,
      spool_damaged: 2,
    });
  });
});
