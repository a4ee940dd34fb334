import { Writable } from "node:stream";
import { describe, expect, it } from "@jest/globals";
import { createLog, silentLog } from "./log.ts";

function collector(): { lines: string[]; stream: Writable } {
  const lines: string[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(chunk.toString());
      done();
    },
  });
  return { lines, stream };
}

describe("createLog", () => {
  it("writes one JSON object per line by default where there is no terminal", () => {
    const { lines, stream } = collector();
    const log = createLog({ name: "enricher", destination: stream }).child({ partition: 2 });
    log.info({ rows: 3 }, "stored");
    log.debug({}, "not shown");
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? "")).toMatchObject({
      level: "info",
      name: "enricher",
      partition: 2,
      rows: 3,
      msg: "stored",
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/) as unknown,
    });
  });

  it("keeps the stack of an error", () => {
    const { lines, stream } = collector();
    createLog({ name: "x", destination: stream }).error({ error: new Error("boom") }, "failed");
    const record = JSON.parse(lines[0] ?? "") as { error: { message: string; stack: string } };
    expect(record.error.message).toBe("boom");
    expect(record.error.stack).toContain("log.test.ts");
  });

  it("never lets a value drive the terminal", () => {
    const { lines, stream } = collector();
    const attack = "\u001b[2J\u202eevil\nforged line";
    const log = createLog({ name: "x", destination: stream, pretty: true, level: "debug" });
    log.warn({ pod: attack, "k\u001bey": 1, error: new Error(attack) }, attack);
    const printed = lines.join("");
    // The colour around the line is ours; nothing else may start an escape sequence.
    const bare = printed.replaceAll("\u001b[33m", "").replaceAll("\u001b[0m", "");
    expect(bare).not.toContain("\u001b");
    expect(bare).not.toContain("\u202e");
    expect(printed.trimEnd().split("\n")).toHaveLength(1);
    expect(printed).toContain(String.raw`\x1b[2J\u202eevil\nforged line`);
  });

  it("escapes C1 and bidi characters in JSON too, without changing the value", () => {
    const { lines, stream } = collector();
    createLog({ name: "x", destination: stream }).info({ pod: "\u009b2J\u202e" }, "x");
    expect(lines[0]).not.toMatch(/[\u009b\u202e]/);
    expect((JSON.parse(lines[0] ?? "") as { pod: string }).pod).toBe("\u009b2J\u202e");
  });

  it("can be silent", () => {
    expect(() => silentLog().error({}, "nobody hears")).not.toThrow();
  });
});
