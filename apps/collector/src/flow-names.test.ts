import { flowLayout, flowRecordBytes, flowSymbols, parseAddress } from "@weir/codec";
import { AnsweredNames } from "@weir/identity";
import { createFlowNames } from "./flow-names.ts";

const second = 1_000_000_000n;

interface Row {
  ifindex: number;
  to: string;
  direction?: "egress" | "ingress";
  first?: bigint;
}

function recordsOf(rows: Row[]): Uint8Array {
  const records = new Uint8Array(rows.length * flowRecordBytes);
  const view = new DataView(records.buffer);
  rows.forEach(({ ifindex, to, direction = "egress", first = 2n * second }, row) => {
    const at = row * flowRecordBytes;
    view.setBigUint64(at + flowLayout.first.offset, first, true);
    view.setUint32(at + flowLayout.ifindex.offset, ifindex, true);
    records.set(parseAddress(to), at + flowLayout.dst_addr.offset);
    records[at + flowLayout.direction.offset] = flowSymbols.direction.indexOf(direction);
  });
  return records;
}

describe("the names of a block's flows", () => {
  let names: AnsweredNames;

  beforeEach(() => {
    const bounds = { maxEntries: 5000, maxEntriesPerClient: 5000 };
    names = new AnsweredNames({ ...bounds, minTtlMs: 60_000, maxTtlMs: 60_000 });
  });

  const learn = (client: number, name: string, address: string): void =>
    names.learn(client, 1000, {
      ...{ name, leftOut: 0 },
      addresses: [{ address: parseAddress(address), ttlSeconds: 60 }],
    });

  /** Each row's name, by what is listed and what stands in the record. */
  const named = (rows: Row[]): (string | undefined)[] => {
    const records = recordsOf(rows);
    const view = new DataView(records.buffer);
    const listed = createFlowNames(names).into(records, rows.length);
    expect(new Set(listed).size).toBe(listed.length);
    return rows.map((_, row) => {
      const place = view.getUint32(row * flowRecordBytes + flowLayout.dns.offset, true);
      return place === 0 ? undefined : listed[place - 1];
    });
  };

  it("are listed once, and counted from one", () => {
    learn(7, "api.example", "198.51.100.1");
    learn(7, "api.example", "2001:db8::1");
    learn(7, "other.example", "198.51.100.2");
    expect(
      named([
        { ifindex: 7, to: "198.51.100.1" },
        { ifindex: 7, to: "198.51.100.2" },
        { ifindex: 7, to: "198.51.100.3" },
        { ifindex: 7, to: "2001:db8::1" },
      ]),
    ).toEqual(["api.example", "other.example", undefined, "api.example"]);
  });

  it("are those who asked had, when they went there", () => {
    learn(7, "api.example", "198.51.100.1");
    expect(
      named([
        { ifindex: 8, to: "198.51.100.1" },
        { ifindex: 7, to: "198.51.100.1", direction: "ingress" },
        { ifindex: 7, to: "198.51.100.1", first: second - 1n },
        { ifindex: 7, to: "198.51.100.1", first: second },
        { ifindex: 7, to: "198.51.100.1", first: 61n * second },
        // A node that has been up for 4 years.
        { ifindex: 7, to: "198.51.100.1", first: 4n * 31_536_000n * second },
      ]),
    ).toEqual([undefined, undefined, undefined, "api.example", undefined, undefined]);
  });

  it("of one block are not those of the next, whatever was learned and forgotten between", () => {
    const flowNames = createFlowNames(names);
    for (let block = 0; block < 40; block++) {
      const rows: Row[] = [];
      for (let number = 0; number < 50; number++) {
        const to = `10.${block % 7}.0.${number}`;
        learn(7, `b${block}-${number % 20}.example`, to);
        rows.push({ ifindex: 7, to });
      }
      const records = recordsOf(rows);
      const listed = flowNames.into(records, rows.length);
      expect(listed).toEqual(Array.from({ length: 20 }, (_, n) => `b${block}-${n}.example`));
      const view = new DataView(records.buffer);
      const places = rows.map((_, row) =>
        view.getUint32(row * flowRecordBytes + flowLayout.dns.offset, true),
      );
      expect(places).toEqual(rows.map((_, row) => 1 + (row % 20)));
      if (block % 5 === 4) names.forget(7);
    }
  });
});
