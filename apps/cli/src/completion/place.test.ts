import { describe, expect, it } from "@jest/globals";
import { createProgram } from "../program.ts";
import { placeOf } from "./place.ts";

const program = createProgram();
const texts = (...words: string[]): string[] | string => {
  const place = placeOf(program, words);
  return place.kind === "candidates" ? place.items.map(({ text }) => text) : place.kind;
};

describe("a command line goes on", () => {
  it("with verbs, and those below them", () => {
    expect(texts("fl")).toEqual(["flows"]);
    expect(texts("")).toEqual(expect.arrayContaining(["up", "flows", "policy", "completion"]));
    expect(texts("")).not.toContain("complete");
    expect(texts("policy", "su")).toEqual(["suggest"]);
    expect(texts("completion", "z")).toEqual(["zsh"]);
  });

  it("with flags of the verb, each with its meaning", () => {
    expect(texts("flows", "--ver")).toEqual(["--verdict"]);
    expect(texts("flows", "--verdict", "denied", "--at")).toEqual(["--at"]);
    expect(texts("edges", "--fo")).toBe("files");
    expect(placeOf(program, ["flows", "--verd"])).toMatchObject({
      items: [{ doc: expect.stringContaining("became of it") }],
    });
  });

  it("with what a flag takes, however it is written", () => {
    expect(texts("flows", "--verdict", "")).toEqual(["allowed", "denied"]);
    expect(texts("flows", "-o", "j")).toEqual(["json"]);
    expect(texts("flows", "--output=j")).toEqual(["--output=json"]);
    expect(texts("flows", "--output", "=", "j")).toEqual(["json"]);
    expect(texts("flows", "--output", "=")).toContain("json");
  });

  it("with names of files where nothing else is known", () => {
    expect(texts("policy", "apply", "-f", "")).toBe("files");
    expect(texts("policy", "apply", "--fi", "x", "ma")).toBe("files");
    expect(texts("policy", "matrix", "sho")).toBe("files");
  });

  it("with what only a running weir knows", () => {
    expect(placeOf(program, ["flows", "--filter", "src.na"])).toEqual({
      ...{ kind: "asked", option: "--filter", value: "src.na", prefix: "" },
    });
    expect(placeOf(program, ["edges", "--by=src.workload,d"])).toMatchObject({
      ...{ kind: "asked", option: "--by", value: "src.workload,d", prefix: "--by=" },
    });
  });
});
