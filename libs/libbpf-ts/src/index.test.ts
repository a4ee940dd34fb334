import { readFileSync } from "node:fs";
import { describe, expect, it } from "@jest/globals";
import * as exported from "./index.ts";

const signatures = readFileSync(new URL("../API.md", import.meta.url), "utf8");

describe("API.md", () => {
  it("has every export", () => {
    for (const name of Object.keys(exported))
      expect(signatures).toMatch(new RegExp(`(class|function|const) ${name}\\b`));
  });

  it("names no class, function or constant that is not exported", () => {
    const named = [...signatures.matchAll(/^(?:class|function|const) (\w+)/gm)].map(
      ([, name]) => name as string,
    );
    expect(named.length).toBeGreaterThan(20);
    for (const name of named) expect(Object.keys(exported)).toContain(name);
  });

  it("has every method and accessor of the classes", () => {
    const internal = new Set(["constructor", "types", "btfId", "next"]);
    const missing = Object.values(exported)
      .filter((value) => typeof value === "function")
      .flatMap((type) =>
        Object.getOwnPropertyNames((type as { prototype?: object }).prototype ?? {}),
      )
      .filter((name) => !internal.has(name) && !new RegExp(`\\b${name}\\b`).test(signatures));
    expect(missing).toEqual([]);
  });
});
