import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { type Bed, openBed } from "./testing.ts";

let bed: Bed;
beforeAll(async () => {
  bed = await openBed();
});
afterAll(async () => {
  await bed[Symbol.asyncDispose]();
});

const detailOf = async (query: string): Promise<string> => {
  const answer = await bed.post("/v1/sql", { query });
  expect(answer.status).toBe(422);
  return ((await answer.json()) as { detail: string }).detail;
};

describe("a statement that the engine cannot take", () => {
  it.each([
    ["SELEC 1", "a syntax error\n  SELEC 1\n  ^^^^^"],
    ["SELECT 1 FORM flows x", "a syntax error\n  SELECT 1 FORM flows x\n                ^^^^^"],
    ["SELECT (1", "a syntax error\n  SELECT (1\n         ^"],
    ["SELECT 1 FROM", "the statement ends too early\n  SELECT 1 FROM\n               ^"],
    ["SELECT 'caf\u00e9', 2\nFROM flows\nWHRE x = 1", "a syntax error\n  WHRE x = 1\n       ^"],
    ["SELECT 1; SELECT 2", "a syntax error\n  SELECT 1; SELECT 2\n          ^"],
    ["SELECT ')' FRM (", "a syntax error\n  SELECT ')' FRM (\n                 ^"],
  ])("%j has a caret under the place", async (query, expected) => {
    const detail = await detailOf(query);
    expect(detail.replace(/^([^\n;]*); it takes [^\n]*/, "$1")).toBe(expected);
    expect(detail.length).toBeLessThan(500);
    expect(detail).not.toContain("formatQuery");
  });

  it("is cut around the place where it is long", async () => {
    const detail = await detailOf(`SELECT ${"1, ".repeat(100)} FROM FROM ${"x ".repeat(100)}`);
    const [, line = "", caret = ""] = detail.split("\n");
    expect(line.length).toBeLessThan(100);
    expect(line.slice(caret.indexOf("^"), caret.length)).toMatch(/^\w+$/);
  });

  it("is told in words what is not known", async () => {
    expect(await detailOf("SELECT srcport FROM flows")).toMatch(
      /^Unknown expression identifier `srcport`.*Maybe you meant: \['src_port'\]\.?$/,
    );
    expect(await detailOf("SELECT * FROM flow")).toMatch(/^Unknown table.*Maybe you meant/);
  });
});
