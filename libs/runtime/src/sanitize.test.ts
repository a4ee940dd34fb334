import { describe, expect, it } from "@jest/globals";
import { sanitize, sanitizeJson } from "./sanitize.ts";

describe("sanitize", () => {
  it("shows escape sequences instead of performing them", () => {
    expect(sanitize("\u001b[2Jgone\u0007")).toBe(String.raw`\x1b[2Jgone\x07`);
    expect(sanitize("a\rb\u009bm")).toBe(String.raw`a\x0db\x9bm`);
  });

  it("shows what would reorder or hide text", () => {
    expect(sanitize("abc\u202etxt.exe")).toBe(String.raw`abc\u202etxt.exe`);
    expect(sanitize("pay\u200bload\u{e0041}")).toBe(String.raw`pay\u200bload\u{e0041}`);
  });

  it("leaves ordinary text of any script alone", () => {
    expect(sanitize("füße 日本 🙂\tok\n")).toBe("füße 日本 🙂\tok\n");
  });

  it("keeps one line when asked to", () => {
    expect(sanitize("a\nb\tc", true)).toBe(String.raw`a\nb\tc`);
  });

  it("keeps JSON parseable to the very same text", () => {
    const text = "x\u009b31m\u202e\u{e0041}y\u007f";
    const line = sanitizeJson(JSON.stringify({ text }));
    expect(line).not.toMatch(/[\u007f-\u009f\u202e]/);
    expect(JSON.parse(line)).toEqual({ text });
  });
});
