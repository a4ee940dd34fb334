import { describe, expect, it } from "@jest/globals";
import { parse } from "yaml";
import { yamlText } from "./yaml.ts";

describe("yamlText", () => {
  it("gives back what was put in", () => {
    const value = { name: "cart", ports: [80, 443], labels: { app: "yes", text: "a\nb" } };
    expect(parse(yamlText(value))).toEqual(value);
    expect(yamlText(value).endsWith("\n")).toBe(true);
  });

  it("prints no control character", () => {
    // eslint-disable-next-line no-control-regex
    expect(yamlText({ name: "a\u001B[31m\u202Eb" })).not.toMatch(/[\u001B\u202E]/);
  });
});
