import { describe, expect, it } from "@jest/globals";
import { historyOf } from "./history.ts";

const generation = (number: number, mode = "enforce") => ({
  ...{ generation: number, mode },
  began: `2026-01-0${number}T00:00:00Z`,
});
const version = (number: number, name: string, deleted = 0) => ({
  ...{ generation: number, namespace: "shop", name, deleted },
});

describe("historyOf", () => {
  it("says what each generation added, changed and removed", () => {
    const lines = historyOf(
      [generation(1), generation(2), generation(3, "observe"), generation(4)],
      [
        ...[version(1, "a"), version(2, "a"), version(2, "b")],
        ...[version(3, "a", 1), version(3, "b", 1), version(4, "a")],
      ],
    );
    expect(
      lines.map(({ policies, added, changed, removed }) => [policies, added, changed, removed]),
    ).toEqual([
      [1, ["shop/a"], [], []],
      [2, ["shop/b"], ["shop/a"], []],
      [0, [], [], ["shop/a", "shop/b"]],
      [1, ["shop/a"], [], []],
    ]);
    expect(lines[2]).toMatchObject({ mode: "observe", time: "2026-01-03T00:00:00Z" });
  });

  it("knows what was there before the oldest generation that it lists", () => {
    const lines = historyOf(
      [generation(3), generation(4)],
      [version(1, "a"), version(2, "b"), version(3, "c"), version(4, "a")],
    );
    expect(lines.map(({ policies, added, changed }) => [policies, added, changed])).toEqual([
      [3, ["shop/c"], []],
      [3, [], ["shop/a"]],
    ]);
  });

  it("is empty before the first policy", () => {
    expect(historyOf([], [])).toEqual([]);
  });
});
