import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { type EmbeddedStore, openEmbeddedStore } from "../embedded/embedded-store.ts";
import { temporaryDirectory } from "../testing/temporary.ts";
import { NativeBlock } from "./block.ts";
import { DictionaryColumn, StringColumn } from "./text.ts";
import { columnBuilder } from "./type.ts";

const address = Uint8Array.from({ length: 16 }, (_, at) => at * 17);
const zeroAddress = new Uint8Array(16);

/** Type, values as they are appended, and what the engine says they are (toString). */
const cases: [type: string, values: unknown[], printed: string[]][] = [
  ["UInt8", [0, 255], ["0", "255"]],
  ["Int8", [-128, 127], ["-128", "127"]],
  ["UInt16", [0, 65535], ["0", "65535"]],
  ["Int16", [-32768, 32767], ["-32768", "32767"]],
  ["UInt32", [0, 4294967295], ["0", "4294967295"]],
  ["Int32", [-2147483648, 2147483647], ["-2147483648", "2147483647"]],
  [
    "UInt64",
    [0, 2 ** 53 - 1, 2n ** 64n - 1n, 2 ** 32],
    ["0", "9007199254740991", "18446744073709551615", "4294967296"],
  ],
  [
    "Int64",
    [-1, -(2 ** 53) + 1, -(2n ** 63n), 2n ** 63n - 1n, -(2 ** 32)],
    ["-1", "-9007199254740991", "-9223372036854775808", "9223372036854775807", "-4294967296"],
  ],
  ["Float64", [0.1, -Infinity], ["0.1", "-inf"]],
  ["Bool", [true, false, 1], ["true", "false", "true"]],
  ["DateTime('UTC')", [0, 4294967295], ["1970-01-01 00:00:00", "2106-02-07 06:28:15"]],
  [
    "DateTime64(6, 'UTC')",
    [0, -1, 1767225599999999],
    ["1970-01-01 00:00:00.000000", "1969-12-31 23:59:59.999999", "2025-12-31 23:59:59.999999"],
  ],
  ["IPv6", [zeroAddress, address], ["::", "11:2233:4455:6677:8899:aabb:ccdd:eeff"]],
  ["String", ["", "ü\0'\"\\\n", "x".repeat(1000)], ["", "ü\0'\"\\\n", "x".repeat(1000)]],
  ["LowCardinality(String)", ["", "a", "a", "żółć"], ["", "a", "a", "żółć"]],
  ["Enum8('no' = 0, 'yes' = 1, 'low' = -128)", ["yes", 0, "low"], ["yes", "no", "low"]],
  ["Array(UInt16)", [[], [1, 65535], [7]], ["[]", "[1,65535]", "[7]"]],
  ["Array(LowCardinality(String))", [["a", "b"], [], ["a"]], ["['a','b']", "[]", "['a']"]],
  [
    "Map(LowCardinality(String), UInt64)",
    [{}, { ring: 1, map: 2 ** 40 }],
    ["{}", "{'ring':1,'map':1099511627776}"],
  ],
  ["Map(LowCardinality(String), String)", [new Map([["k", "v'"]])], ["{'k':'v\\''}"]],
  ["Nullable(String)", ["a", null, undefined], ["a", "∅", "∅"]],
  ["Nullable(DateTime64(6, 'UTC'))", [null, 0], ["∅", "1970-01-01 00:00:00.000000"]],
  ["Array(Tuple(name String, port UInt16))", [[["http", 80]], []], ["[('http',80)]", "[]"]],
  ["Array(IPv6)", [[address, zeroAddress]], ["['11:2233:4455:6677:8899:aabb:ccdd:eeff','::']"]],
];

describe("a Native block on the engine", () => {
  let store: EmbeddedStore;
  let folder: Awaited<ReturnType<typeof temporaryDirectory>>;

  beforeAll(async () => {
    folder = await temporaryDirectory();
    store = await openEmbeddedStore({ directory: folder.path });
  });

  afterAll(async () => {
    await store.close();
    await folder[Symbol.asyncDispose]();
  });

  const readBack = async (name: string, type: string, values: unknown[]): Promise<string[]> => {
    await store.command(`CREATE TABLE ${name} (n UInt32, v ${type}) ENGINE = MergeTree ORDER BY n`);
    const block = new NativeBlock(
      [
        { name: "n", type: "UInt32" },
        { name: "v", type },
      ],
      1,
    );
    for (const [n, v] of values.entries()) block.appendRow({ n, v });
    await store.insertNative(name, block.encode(), name);
    const rows = await store.query<{ v: string }>(
      `SELECT ifNull(toString(v), '∅') AS v FROM ${name} ORDER BY n`,
    );
    return rows.map((row) => row.v);
  };

  it.each(cases.map(([type, values, printed], at) => ({ type, values, printed, at })))(
    "reads back $type at its limits",
    async ({ type, values, printed, at }) => {
      expect(await readBack(`t${at}`, type, values)).toEqual(printed);
    },
  );

  it.each([1, 256, 257, 65_536, 65_537])(
    "reads back a dictionary of %i texts, whatever width its indexes need",
    async (count) => {
      const texts = Array.from({ length: count }, (_, at) => `text ${at}`);
      expect(await readBack(`d${count}`, "LowCardinality(String)", texts)).toEqual(texts);
    },
  );

  it("fills columns it does not name with their defaults, whatever the order", async () => {
    await store.command(
      "CREATE TABLE partial (a UInt8, b String DEFAULT 'there', c UInt16) ENGINE = MergeTree ORDER BY a",
    );
    const block = new NativeBlock(
      [
        { name: "c", type: "UInt16" },
        { name: "a", type: "UInt8" },
      ],
      1,
    );
    block.appendRow({ a: 1, c: 2 });
    await store.insertNative("partial", block.encode(), "partial");
    expect(await store.query("SELECT * FROM partial")).toEqual([{ a: 1, b: "there", c: 2 }]);
  });

  it("can be cleared and filled again", async () => {
    const columns = [
      { name: "n", type: "UInt32" },
      { name: "v", type: "LowCardinality(String)" },
    ];
    const used = new NativeBlock(columns, 2);
    for (let n = 0; n < 300; n++) used.appendRow({ n, v: `before ${n}` });
    used.encode();
    used.clear();
    used.appendRow({ n: 1, v: "after" });
    const fresh = new NativeBlock(columns, 2);
    fresh.appendRow({ n: 1, v: "after" });
    expect(used.encode()).toEqual(fresh.encode());
  });
});

describe("a Native block", () => {
  it.each<[string, unknown]>([
    ["UInt8", 256],
    ["UInt8", -1],
    ["UInt16", 1.5],
    ["Int8", 128],
    ["UInt64", 2 ** 53],
    ["UInt64", 2n ** 64n],
    ["IPv6", new Uint8Array(4)],
    ["String", 1],
    ["LowCardinality(String)", null],
    ["Enum8('a' = 1)", "b"],
    ["Enum8('a' = 1)", 2],
    ["Array(UInt8)", "no"],
    ["Map(String, String)", null],
    ["Tuple(UInt8, UInt8)", [1]],
    ["Float64", "1"],
  ])("refuses for %s the value %p, naming the column", (type, value) => {
    const block = new NativeBlock([{ name: "here", type }], 1);
    expect(() => block.appendRow({ here: value })).toThrow(/^column here: /);
  });

  it("refuses columns of different lengths", () => {
    const block = new NativeBlock(
      [
        { name: "a", type: "String" },
        { name: "b", type: "String" },
      ],
      1,
    );
    block.column("a", StringColumn).append("x");
    expect(() => block.encode()).toThrow("column b has 0 rows where the first column has 1");
  });

  it("refuses a builder of another class and a name that is not there", () => {
    const block = new NativeBlock([{ name: "a", type: "String" }], 1);
    expect(() => block.column("a", DictionaryColumn)).toThrow("StringColumn");
    expect(() => block.column("b", DictionaryColumn)).toThrow("not there");
  });

  it("refuses a type that it cannot write", () => {
    expect(() => columnBuilder("Decimal(10, 2)", 1)).toThrow("Decimal(10, 2)");
    expect(() => columnBuilder("LowCardinality(UInt8)", 1)).toThrow("LowCardinality(UInt8)");
  });
});
