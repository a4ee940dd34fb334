import { StallWatch } from "./stall-watch.ts";

const at = (next: bigint, high: bigint, key = "t/0") => ({ key, next, high });

describe("a watch for members that stand still", () => {
  it("tells of a position that has not moved between two looks", () => {
    const watch = new StallWatch();
    expect(watch.look([at(5n, 9n), at(3n, 3n, "t/1")])).toEqual([]);
    expect(watch.look([at(5n, 12n), at(3n, 3n, "t/1")])).toEqual([at(5n, 12n)]);
  });

  it("has patience with what moves, and with what came only just now", () => {
    const watch = new StallWatch();
    watch.look([at(5n, 9n)]);
    expect(watch.look([at(6n, 20n)])).toEqual([]);
    expect(watch.look([at(20n, 20n)])).toEqual([]);
    expect(watch.look([at(20n, 30n)])).toEqual([]);
    expect(watch.look([])).toEqual([]);
    expect(watch.look([at(20n, 30n)])).toEqual([]);
    expect(watch.look([at(20n, 30n)])).toHaveLength(1);
  });

  it("tells once of an end that nobody can read", () => {
    const watch = new StallWatch();
    watch.look([at(5n, 6n)]);
    expect(watch.look([at(5n, 6n)])).toHaveLength(1);
    for (let look = 0; look < 4; look++) expect(watch.look([at(5n, 6n)])).toEqual([]);
    expect(watch.look([at(5n, 7n)])).toHaveLength(1);
    expect(watch.look([at(5n, 7n)])).toEqual([]);
  });
});
