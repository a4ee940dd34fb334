import type { FlowColumns, Workload } from "@weir/codec";
import { createFlowDecoder, parseAddress, recordCodec } from "@weir/codec";
import { ExternalNetworks, IdentityIndex, partyAt, unknownParty } from "@weir/identity";
import type { Party } from "@weir/identity";
import { EndNames } from "./end-names.ts";

const start = 1_790_000_000_000_000;
const addresses = ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"].map((one) => parseAddress(one));

function workload(name: string, address: number, more: Partial<Workload> = {}): Workload {
  return {
    kind: "pod",
    namespace: "shop",
    name,
    uid: `uid-${name}`,
    workload: name,
    workload_kind: "Deployment",
    node: "n1",
    addresses: [addresses[address] as Uint8Array],
    labels: {},
    namespace_labels: {},
    host_network: false,
    ports: [],
    since: start - 60e6,
    until: null,
    ...more,
  };
}

/** A block whose row `n` has its latest packet `n` milliseconds after the first's. */
function block(rows: { address: number; port: number; dns?: number }[]): FlowColumns {
  const flow = {
    ...{ time: 0, first: 0, last: 0, sequence: 0, packets: 1, bytes: 1 },
    ...{ reply_packets: 0, reply_bytes: 0, ifindex: 1, generation: 0, rule: 0 },
    ...{ dst_addr: 0, dst_port: 1, cpu: 0, protocol: 6, flags: 0 },
    ...{ tcp_flags: 0, reply_tcp_flags: 0, connections: 1, process: 0, dns: 0 },
    ...{ handshake_rtt_us: 0, srtt_us: 0, retransmits: 0, first_byte_us: 0 },
    close_reason: "none" as const,
    ...({ direction: "egress", verdict: "allowed", reason: "observed", kind: "closed" } as const),
  };
  const message = recordCodec("FlowBlock").encode({
    ...{ node: "n1", boot_id: "b", block: 1, base_time: start, rules: [], addresses },
    ...{ processes: [], names: ["api.example", "db.example"] },
    flows: rows.map(({ address, port, dns = 0 }, row) => ({
      ...{ ...flow, dns },
      time: row === 0 ? 0 : 1000,
      src_addr: address,
      src_port: port,
    })),
  });
  return createFlowDecoder().decode(message);
}

describe("names of the ends of flows", () => {
  const index = new IdentityIndex();
  index.apply(workload("cart", 0));
  // The second address changes hands while the block lasts.
  index.apply(workload("old", 1, { until: start + 3000 }));
  index.apply(workload("new", 1, { since: start + 5000 }));
  const ports = [{ name: "sshd", port: 22, protocol: 6 }];
  index.apply(workload("host", 2, { kind: "host", namespace: "", ports }));

  const parties: Party[] = [];
  const networks = new ExternalNetworks();
  const names = new EndNames({
    ...{ identity: index, networks: () => networks },
    intern: (party) => parties.push(party) - 1,
  });
  const rows = Array.from({ length: 40 }, (_, row) => ({
    address: row % 4,
    port: row % 3 === 0 ? 22 : 40_000,
  }));
  const columns = block(rows);
  const one = (row: number): Party =>
    partyAt(
      index.find(columns.srcAddr, row * 16, columns.last[row] as number),
      columns.srcPort[row] as number,
      columns.protocol[row] as number,
    );

  it.each([
    ["all rows", 0, 40],
    ["some of them", 7, 23],
    ["none", 5, 5],
  ])("are those that each row's own time and port give: %s", (_, begin, end) => {
    const numbers = names.name(columns, columns.srcAddrIndex, columns.srcPort, begin, end);
    const expected = Array.from({ length: end - begin }, (__, at) => one(begin + at));
    expect(Array.from(numbers.subarray(begin, end), (number) => parties[number])).toEqual(expected);
    expect(names.unknown).toBe(expected.filter((party) => party === unknownParty).length);
  });

  it("are given once per party", () => {
    expect(new Set(parties).size).toBe(parties.length);
    expect(parties.map(({ workload: name }) => name).toSorted()).toEqual(
      ["", "cart", "host", "host", "new", "old"].toSorted(),
    );
    names.clear();
    names.name(columns, columns.srcAddrIndex, columns.srcPort, 0, 1);
    expect(parties).toHaveLength(7);
  });

  it("follow what becomes known, and the list of networks, from block to block", () => {
    const later = new IdentityIndex();
    let list = new ExternalNetworks();
    const known: Party[] = [];
    const following = new EndNames({
      ...{ identity: later, networks: () => list },
      intern: (party) => known.push(party) - 1,
    });
    const flows = block([{ address: 3, port: 1 }]);
    const name = (): string | undefined => {
      const [number = -1] = following.name(flows, flows.srcAddrIndex, flows.srcPort, 0, 1);
      return known[number]?.workload || known[number]?.name;
    };
    expect(name()).toBe("");
    list = ExternalNetworks.parse("10.0.0.4/32 the bank");
    expect([name(), name()]).toEqual(["the bank", "the bank"]);
    later.apply(workload("first", 3));
    expect([name(), name()]).toEqual(["first", "first"]);
    later.apply(workload("second", 3, { since: start - 1e6 }));
    expect([name(), name()]).toEqual(["second", "second"]);
    later.apply(workload("second", 3, { since: start - 1e6, until: start - 1 }));
    expect(name()).toBe("the bank");
  });

  it("serve a larger block after a smaller one", () => {
    const large = block(Array.from({ length: 2000 }, () => ({ address: 0, port: 1 })));
    const numbers = names.name(large, large.srcAddrIndex, large.srcPort, 0, 2000);
    expect(new Set(numbers.subarray(0, 2000)).size).toBe(1);
  });
});

describe("names of who is no workload", () => {
  const index = new IdentityIndex();
  index.apply(workload("cart", 0));
  // Nobody's any more before the block ends.
  index.apply(workload("old", 1, { until: start + 1500 }));
  const networks = ExternalNetworks.parse("10.0.0.0/30 the bank\n10.0.0.1/32 nobody's pod");

  it("are those that were asked for, else those of their network", () => {
    const parties: Party[] = [];
    const names = new EndNames({
      ...{ identity: index, networks: () => networks },
      intern: (party) => parties.push(party) - 1,
    });
    const columns = block([
      { address: 0, port: 1, dns: 1 },
      { address: 1, port: 1, dns: 2 },
      { address: 1, port: 1, dns: 2 },
      { address: 1, port: 1 },
      { address: 2, port: 1, dns: 1 },
      { address: 2, port: 1 },
      { address: 3, port: 1 },
      { address: 3, port: 1, dns: 2 },
    ]);
    const { srcAddrIndex, srcPort, dns } = columns;
    const of = (asked?: Uint32Array): string[] =>
      Array.from(names.name(columns, srcAddrIndex, srcPort, 0, 8, asked).subarray(0, 8)).map(
        (number) => parties[number]?.workload || (parties[number]?.name ?? "?"),
      );
    const bank = "the bank";
    expect(of(dns)).toEqual([
      "cart",
      "old",
      "db.example",
      bank,
      "api.example",
      bank,
      "",
      "db.example",
    ]);
    expect(of()).toEqual(["cart", "old", bank, bank, bank, bank, "", ""]);
    names.clear();
    expect(of(dns)[4]).toBe("api.example");
  });
});
