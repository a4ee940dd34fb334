import { describe, expect, it } from "@jest/globals";
import { historyOf } from "./history.ts";

const row = (generation: number, name: string, text: string) => ({
  generation,
  mode: "enforce",
  namespace: name === "" ? "" : "shop",
  name,
  text,
  began: `2026-01-0${generation}T00:00:00Z`,
});

describe("historyOf", () => {
  it("says what each generation added, changed and removed", () => {
    const lines = historyOf([
      row(1, "a", "1"),
      row(2, "a", "2"),
      row(2, "b", "1"),
      row(3, "", ""),
      row(4, "a", "2"),
    ]);
    expect(
      lines.map(({ generation, policies, added, changed, removed }) => ({
        generation,
        policies,
        added,
        changed,
        removed,
      })),
    ).toEqual([
      { generation: 1, policies: 1, added: ["shop/a"], changed: [], removed: [] },
      { generation: 2, policies: 2, added: ["shop/b"], changed: ["shop/a"], removed: [] },
      { generation: 3, policies: 0, added: [], changed: [], removed: ["shop/a", "shop/b"] },
      { generation: 4, policies: 1, added: ["shop/a"], changed: [], removed: [] },
    ]);
    expect(lines[0]?.time).toBe("2026-01-01T00:00:00Z");
  });

  it("is empty before the first policy", () => {
    expect(historyOf([])).toEqual([]);
  });
});
