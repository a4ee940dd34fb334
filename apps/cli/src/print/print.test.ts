import { describe, expect, it } from "@jest/globals";
import { csvLine } from "./csv.ts";
import { bytesText, endText, flowText, withPort } from "./flow.ts";
import { colourWanted } from "./format.ts";
import { tableText } from "./table.ts";

describe("csvLine", () => {
  it("quotes what needs it and leaves numbers alone", () => {
    expect(csvLine(["a,b", 'say "x"', "two\nlines", -1, null, true, undefined])).toBe(
      '"a,b","say ""x""","two\nlines",-1,,true,',
    );
  });

  it("marks what a spreadsheet would run", () => {
    expect(csvLine(["=1+1", "+x", "@x", "-x", "-1"])).toBe("'=1+1,'+x,'@x,'-x,-1");
  });

  it("lets no terminal escape through", () => {
    expect(csvLine(["\u001B[31m"])).toBe(String.raw`\x1b[31m`);
  });
});

describe("tableText", () => {
  it("aligns columns, numbers to the right, without trailing space", () => {
    expect(
      tableText(
        ["name", "count"],
        [
          ["a", 5],
          ["long name", 1000],
        ],
      ),
    ).toBe("NAME       COUNT\na              5\nlong name   1000\n");
  });

  it("prints a heading alone for no rows", () => {
    expect(tableText(["a", "b"], [])).toBe("A  B\n");
  });
});

describe("a flow in words", () => {
  it.each([
    [0, "0 B"],
    [1023, "1023 B"],
    [1024, "1.0 KiB"],
    [15_000, "15 KiB"],
    [3 * 1024 ** 3, "3.0 GiB"],
  ])("says %d bytes as %s", (bytes, text) => expect(bytesText(bytes)).toBe(text));

  it("names an end by what is known of it", () => {
    const ip = "10.0.0.1";
    expect(endText({ ip, namespace: "shop", pod: "cart-0", workload: "cart" })).toBe("shop/cart-0");
    expect(endText({ ip, namespace: "shop", workload: "cart" })).toBe("shop/cart");
    expect(endText({ ip, workload: "node-1" })).toBe("node-1");
    expect(endText({ ip, name: "example.org" })).toBe("example.org");
    expect(withPort({ ip: "fd00::1", port: 53 })).toBe("[fd00::1]:53");
    expect(withPort({ ip })).toBe(ip);
  });

  it("gives the reason of a denial", () => {
    const flow = {
      time: "2026-01-01T10:20:30.123Z",
      node: "n",
      direction: "egress" as const,
      source: { ip: "10.0.0.1", port: 1 },
      destination: { ip: "10.0.0.2", port: 80 },
      protocol: "TCP",
      packets: 1,
      bytes: 60,
      replyPackets: 0,
      replyBytes: 0,
      verdict: "denied" as const,
      reason: "default-deny",
      generation: 2,
    };
    expect(flowText(flow, false)).toMatch(
      /^10:20:30\.123 +10\.0\.0\.1 → 10\.0\.0\.2:80 .*denied +default-deny$/,
    );
    expect(flowText({ ...flow, verdict: "allowed" }, true)).toContain("\u001B[32m");
  });
});

describe("colours", () => {
  it("are for terminals, and not where NO_COLOR is set", () => {
    const before = process.env["NO_COLOR"];
    try {
      delete process.env["NO_COLOR"];
      expect(colourWanted({ isTTY: true })).toBe(true);
      expect(colourWanted({})).toBe(false);
      process.env["NO_COLOR"] = "1";
      expect(colourWanted({ isTTY: true })).toBe(false);
    } finally {
      if (before === undefined) delete process.env["NO_COLOR"];
      else process.env["NO_COLOR"] = before;
    }
  });
});
