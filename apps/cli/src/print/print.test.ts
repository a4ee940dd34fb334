import { describe, expect, it } from "@jest/globals";
import type { FlowLine } from "@weir/api";
import { csvLine } from "./csv.ts";
import {
  bytesText,
  endText,
  flowHeading,
  flowLayout,
  flowText,
  liveLayout,
  withPort,
} from "./flow.ts";
import { fittingColumns, narrowed } from "./narrow.ts";
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

  it("keeps names that are not its own as they are given", () => {
    expect(tableText(["any(src_pod)", "Total"], [["a", 5]], "as-given")).toBe(
      "any(src_pod)  Total\na                 5\n",
    );
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

  const flow: FlowLine = {
    time: "2026-01-01T10:20:30.123Z",
    node: "n",
    direction: "egress",
    source: { ip: "10.0.0.1", port: 1 },
    destination: { ip: "10.0.0.2", port: 80 },
    protocol: "TCP",
    packets: 1,
    bytes: 60,
    replyPackets: 0,
    replyBytes: 0,
    verdict: "denied",
    reason: "default-deny",
    generation: 2,
  };
  const lookup: FlowLine = {
    ...flow,
    source: { ip: "10.0.0.3", namespace: "shop", pod: "load-generator-j8llxvjcl-n2cwk" },
    destination: {
      ip: "10.0.0.4",
      port: 53,
      namespace: "kube-system",
      pod: "kube-dns-qhp4jsrf9-2j2d8",
    },
    protocol: "UDP",
    verdict: "allowed",
    reason: "not-isolated",
  };

  it("gives direction, packets and bytes both ways, verdict and reason", () => {
    expect(flowText(flow, false)).toMatch(
      /^10:20:30\.123 10\.0\.0\.1 +→ 10\.0\.0\.2:80 +TCP +egress +1 ↑ 0 ↓ +60 B ↑ 0 B ↓ +denied +default-deny$/,
    );
    expect(flowText({ ...flow, verdict: "allowed" }, true)).toContain("\u001B[32m");
  });

  it.each([
    ["known", flowLayout([flow, lookup])],
    ["still to come", liveLayout],
  ])("stands in columns below its heading, for flows %s, in about 150 columns", (_name, layout) => {
    const lines = [
      flowHeading(layout),
      flowText(flow, false, layout),
      flowText(lookup, false, layout),
    ];
    const columns = [
      /→/,
      /TCP|UDP|PROTO/,
      /egress|DIR/,
      /allowed|denied|VERDICT/,
      /default-deny|not-isolated|REASON/,
    ];
    for (const column of columns) {
      expect(new Set(lines.map((line) => line.search(column)))).toHaveProperty("size", 1);
    }
    expect(lines[2]).toContain(
      "shop/load-generator-j8llxvjcl-n2cwk → kube-system/kube-dns-qhp4jsrf9-2j2d8:53 ",
    );
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(160);
  });

  it.each([60, 80, 100, 120, 140])("fits a terminal of %i columns", (columns) => {
    for (const known of [flowLayout([flow, lookup]), liveLayout]) {
      const layout = narrowed(known, columns);
      const lines = [
        flowHeading(layout),
        ...[flow, lookup].map((one) => flowText(one, false, layout)),
      ];
      expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(columns);
      const places = lines.map((line) => line.search(/allowed|denied|VERDICT/));
      expect(new Set(places).size).toBe(1);
      expect(lines[2]).toMatch(/^\d\d:\d\d:\d\d\.\d{3} shop\/.*n2cwk +→ kube-.*:53 .*not-i/);
    }
    expect(narrowed(liveLayout, undefined)).toBe(liveLayout);
  });

  it("of sums leaves out what is empty, then what is least asked for, where they do not fit", () => {
    const row = {
      src: "cart",
      name: "",
      dst: "database",
      bytes: 123,
      first: "2026-01-01T00:00:00Z",
    };
    const names = Object.keys(row);
    const fitting = (columns: number | undefined) =>
      fittingColumns(names, [row], ["first", "bytes"], columns);
    expect(fitting(undefined)).toEqual(names);
    expect(fitting(80)).toEqual(names);
    expect(fitting(45)).toEqual(["src", "dst", "bytes", "first"]);
    expect(fitting(30)).toEqual(["src", "dst", "bytes"]);
    expect(fitting(1)).toEqual(["src", "dst"]);
  });

  it("gives the day only where flows are of several", () => {
    const next = { ...flow, time: "2026-01-02T00:00:00.001Z" };
    expect(flowText(flow, false, flowLayout([flow]))).toMatch(/^10:20:30\.123 /);
    const both = flowLayout([flow, next]);
    expect(flowText(flow, false, both)).toMatch(/^2026-01-01 10:20:30\.123 /);
    expect(flowText(next, false, both)).toMatch(/^2026-01-02 00:00:00\.001 /);
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
