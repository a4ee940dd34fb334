import { describe, expect, it } from "@jest/globals";
import type { FlowLine } from "../flow-line.ts";
import { complete } from "./complete.ts";
import { FilterError } from "./filter-error.ts";
import { liveMatcher } from "./live.ts";
import { parseFilter } from "./parse.ts";
import { filterSql } from "./sql.ts";

// What filters select is tested on the engine, in libs/store/src/testing/filter.test.ts.

const nowMs = Date.parse("2026-03-01T12:00:00Z");

function refusal(text: string): FilterError {
  try {
    parseFilter(text, nowMs);
  } catch (error) {
    if (error instanceof FilterError) return error;
    throw error;
  }
  throw new Error(`${text} was taken`);
}

describe("a filter", () => {
  it("becomes SQL whose values are parameters", () => {
    const text = `src.namespace = "sh'op" and dst.port in (80, 443) and verdict = denied`;
    expect(filterSql(parseFilter(text, nowMs))).toEqual({
      sql: "((src_namespace = {filter_0:String}) AND (dst_port = {filter_1:UInt32} OR dst_port = {filter_2:UInt32}) AND (verdict = {filter_3:String}))",
      parameters: { filter_0: "sh'op", filter_1: 80, filter_2: 443, filter_3: "denied" },
    });
  });

  it.each([
    ["time > 15m", { filter_0: (nowMs - 900_000) * 1000 }],
    ["start >= 2026-03-01T12:00:00.5+01:00", { filter_0: (nowMs - 3_600_000) * 1000 + 500_000 }],
    ["SRC_POD ~ 'a_*'", { filter_0: "a\\_%" }],
    ["dst.ip in 10.1.2.3/8", { filter_0: "10.0.0.0", filter_1: "10.255.255.255" }],
    ['reason = "say \\"x\\""', { filter_0: 'say "x"' }],
  ])("reads the value of %s", (text, parameters) => {
    expect(filterSql(parseFilter(text, nowMs)).parameters).toEqual(parameters);
  });

  it.each([
    ["dst.prot = 80", "^^^^^^^^", "did you mean dst.port?"],
    ["namepsace = shop", "^^^^^^^^^", "did you mean namespace?"],
    ["verdict = dnied", "          ^^^^^", "did you mean denied?"],
    ["dst.port = 80 80", "              ^^", 'it takes "and" or "or"'],
    ["dst.port", "        ^", "needs a comparison"],
    ["dst.port = 99999", "           ^^^^^", "from 0 to 65535"],
    ["(dst.port = 80", "              ^", "ends too early"],
    ['node = "x', "       ^", "the quote is not closed"],
    ["node = x; y", "        ^", "; has no meaning here"],
    ["dst.port in (80,)", "                ^", "it takes a value"],
    ["src.pod < x", "        ^", "not compared by <"],
    ["ip = 10.0.0", "     ^^^^^^", "no IPv4 or IPv6 address"],
    ["time > soon", "       ^^^^", "is no time"],
    ["", "^", "it takes a field"],
  ])("with a fault shows where it is: %s", (text, carets, reason) => {
    const error = refusal(text);
    expect(error.message).toBe(`${error.reason}\n  ${text}\n  ${carets}`);
    expect(error.reason).toContain(reason);
    expect(text.slice(error.at, error.at + error.length).length).toBeLessThanOrEqual(carets.length);
  });

  it("keeps the caret in its place in a long text, and over line breaks", () => {
    const text = `${"node = x and\n".repeat(30)}nodes = y`;
    const [, shown = "", under = ""] = refusal(text).message.split("\n");
    expect(shown.length).toBeLessThan(120);
    expect(shown.slice(under.indexOf("^"), under.length)).toBe("nodes");
  });

  it("refuses what would take the parser too deep or too long", () => {
    expect(refusal("(".repeat(4000)).reason).toContain("nests at most");
    expect(refusal(`${"not ".repeat(2000)}answered`).reason).toContain("nests at most");
    expect(refusal(`node = ${"x".repeat(9000)}`).reason).toContain("at most 8192");
    const deep = `${"(".repeat(64)}answered${")".repeat(64)}`;
    expect(parseFilter(deep, nowMs)).toMatchObject({ kind: "condition" });
  });
});

describe("the live tail", () => {
  const flow: FlowLine = {
    time: "2026-03-01T12:00:00.000000Z",
    node: "n1",
    source: { ip: "10.0.0.1", port: 40_000, namespace: "shop", pod: "cart-1", workload: "cart" },
    destination: { ip: "fd00::2", port: 443, name: "api.example.org" },
    protocol: "TCP",
    packets: 1,
    bytes: 100,
    replyPackets: 0,
    replyBytes: 0,
    reason: "observed",
    generation: 0,
  };
  const test = (text: string) => liveMatcher(text, parseFilter(text, nowMs))(flow);

  it("is filtered by what it knows", () => {
    expect(test("src.workload = cart and dst.ip in fd00::/16 and verdict = unknown")).toBe(true);
    expect(test("dst.name ~ *.example.org and not reply.bytes > 0")).toBe(true);
    expect(test("dst.namespace = shop")).toBe(false);
  });

  it("knows names and processes", () => {
    const known = {
      ...flow,
      ...{ dnsName: "api.example.org", process: { pid: 7, executable: "/usr/bin/curl" } },
    };
    const of = (text: string) => liveMatcher(text, parseFilter(text, nowMs))(known);
    expect(of('dns.name = "api.example.org" and executable ~ */curl and pid = 7')).toBe(true);
    expect(of('process = ""')).toBe(true);
    // What is not known is neither smaller nor larger.
    expect([test("pid = 7"), test("pid >= 0"), test("pid != 7")]).toEqual([false, false, true]);
    expect(test('dns.name = "" and executable = ""')).toBe(true);
  });

  it("says which fields it does not know", () => {
    expect(() => test("node = n1 and refused")).toThrow(
      /^refused is known of stored .*\n.*\n {16}\^{7}$/,
    );
  });
});

describe("completion", () => {
  const known = (field: string) => (field === "src.namespace" ? ["shop", "two words"] : []);
  const items = (text: string) => complete(text, text.length, known).items.map((one) => one.text);

  it.each([
    ["src.n", ["src.namespace", "src.name"]],
    ["dst.port ", ["=", "!=", "in", "not in", "<", "<=", ">", ">=", "and", "or"]],
    ["verdict = ", ["allowed", "denied", "unknown"]],
    ["verdict = d", ["denied"]],
    ["verdict in (denied", []],
    ["verdict in (denied ", [")", ","]],
    ["node = x ", ["and", "or"]],
    ["src.namespace = ", ["shop", '"two words"']],
    ['src.namespace = "tw', ['"two words"']],
    ["answered = ", ["true", "false"]],
    ["node = = ", []],
    ["(".repeat(500), []],
  ])("of %s", (text, expected) => {
    expect(items(text)).toEqual(expected);
  });

  it("looks at the text before the position, and says what it replaces", () => {
    const found = complete("verd = denied", 4);
    expect(found.from).toBe(0);
    expect(found.items.map((one) => one.text)).toEqual(["verdict"]);
    expect(complete("", 0).items.length).toBeGreaterThan(30);
  });
});
