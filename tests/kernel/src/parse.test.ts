import { flowFlags } from "@weir/codec";
import { Datapath, drop, pass, total } from "./datapath.ts";
import {
  concat,
  ethernet,
  fragmentExtension,
  frame,
  icmp,
  ipv4,
  ipv6,
  protocol,
  sctp,
  tcp,
  tcpFlag,
  udp,
} from "./frame.ts";

const a4 = { src: "10.1.0.1", dst: "10.1.0.2" };
const a6 = { src: "fd00::1", dst: "fd00::2" };
const ends = (addr: { src: string; dst: string }) => ({
  src: addr.src.includes(":") ? `[${addr.src}]` : addr.src,
  dst: addr.dst.includes(":") ? `[${addr.dst}]` : addr.dst,
});

describe("a packet is counted once, with the bytes of its IP layer", () => {
  let datapath: Datapath;
  beforeEach(() => (datapath = new Datapath()));
  afterEach(() => datapath[Symbol.dispose]());

  /** What flows report adds up to the odometer, packet by packet and byte by byte. */
  const expectOdometersAgree = (records: ReturnType<Datapath["records"]>): void => {
    const odometer = datapath.odometer();
    expect(total(records)).toMatchObject({
      packets: (odometer["from_packets"] ?? 0) + (odometer["to_packets"] ?? 0),
      bytes: (odometer["from_bytes"] ?? 0) + (odometer["to_bytes"] ?? 0),
    });
  };

  it.each([
    ["IPv4 TCP", frame({ ...a4, protocol: protocol.tcp, payload: tcp(1000, 80, tcpFlag.syn) }), 40],
    ["IPv6 TCP", frame({ ...a6, protocol: protocol.tcp, payload: tcp(1000, 80, tcpFlag.syn) }), 60],
    ["IPv4 UDP", frame({ ...a4, protocol: protocol.udp, payload: udp(1000, 80, 100) }), 128],
    ["IPv6 UDP", frame({ ...a6, protocol: protocol.udp, payload: udp(1000, 80, 100) }), 148],
    ["IPv4 SCTP", frame({ ...a4, protocol: protocol.sctp, payload: sctp(1000, 80, 20) }), 52],
    ["IPv6 SCTP", frame({ ...a6, protocol: protocol.sctp, payload: sctp(1000, 80, 20) }), 72],
    [
      "IPv4 with options",
      frame({ ...a4, options: Array(12).fill(1), protocol: protocol.udp, payload: udp(1000, 80) }),
      40,
    ],
    [
      "padded to Ethernet's minimum",
      concat(frame({ ...a4, protocol: protocol.udp, payload: udp(1000, 80) }), Array(18).fill(0)),
      28,
    ],
    ["one VLAN tag", frame({ ...a4, protocol: protocol.udp, payload: udp(1000, 80) }, [5]), 28],
    ["two VLAN tags", frame({ ...a6, protocol: protocol.udp, payload: udp(1000, 80) }, [5, 6]), 48],
  ])("%s", (_name, packet, bytes) => {
    expect(datapath.from(packet)).toBe(pass);
    const records = datapath.records();
    const address = ends(bytes % 100 === 28 || bytes === 40 || bytes === 52 ? a4 : a6);
    expect(records).toMatchObject([{ packets: 1, bytes, replyPackets: 0, connections: 1 }]);
    expect([`${address.src}:1000`, "[fd00::1]:1000"]).toContain(records[0]?.src);
    expect(records[0]?.dst).toMatch(/:80$/);
    expectOdometersAgree(records);
  });

  it("with every kind of IPv6 extension header", () => {
    const chain: [number, number[]][] = [
      [0, [0, 0, 1, 4, 0, 0, 0, 0]],
      [43, [0, 2, 0, 0, ...Array<number>(20).fill(0)]],
      [60, [0, 1, 1, 12, ...Array<number>(12).fill(0)]],
      [51, [0, 4, ...Array<number>(22).fill(0)]],
    ];
    const ip = { ...a6, protocol: protocol.tcp, payload: tcp(1000, 80, tcpFlag.syn) };
    datapath.from(ethernet(0x86dd, ipv6(ip, chain)));
    const records = datapath.records();
    expect(records).toMatchObject([
      { dst: "[fd00::2]:80", protocol: 6, packets: 1, bytes: 40 + 8 + 24 + 16 + 24 + 20 },
    ]);
    expectOdometersAgree(records);
  });

  it("an echo request and its reply are one connection, named by the identifier", () => {
    for (const [addr, request, reply, number] of [
      [a4, 8, 0, protocol.icmp],
      [a6, 128, 129, protocol.icmpv6],
    ] as const) {
      datapath.from(frame({ ...addr, protocol: number, payload: icmp(request, 0, 77) }));
      datapath.to(
        frame({ src: addr.dst, dst: addr.src, protocol: number, payload: icmp(reply, 0, 77) }),
      );
    }
    const records = datapath.records();
    expect(records).toHaveLength(2);
    for (const one of records) {
      expect(one).toMatchObject({
        packets: 1,
        replyPackets: 1,
        direction: "egress",
        connections: 1,
      });
      expect([one.src, one.dst].join(" ")).toMatch(/:77 .*:0$/);
      expect(one.flags & flowFlags.answered).toBe(flowFlags.answered);
    }
    expectOdometersAgree(records);
  });

  it("IPv4 fragments are accounted to their flow", () => {
    const datagram = udp(1000, 80, 2000);
    const part = (from: number, to: number) =>
      frame({
        ...a4,
        protocol: protocol.udp,
        id: 9,
        payload: datagram.subarray(from, to),
        fragmentOffset: from,
        moreFragments: to < datagram.length,
      });
    datapath.from(part(0, 800));
    datapath.from(part(800, 1600));
    datapath.from(part(1600, 2008));
    const records = datapath.records();
    expect(records).toMatchObject([
      {
        src: "10.1.0.1:1000",
        dst: "10.1.0.2:80",
        packets: 3,
        bytes: 3 * 20 + 2008,
        connections: 1,
      },
    ]);
    expect((records[0]?.flags ?? 0) & flowFlags.fragments).toBe(flowFlags.fragments);
    expectOdometersAgree(records);
  });

  it("IPv6 fragments are accounted to their flow, a late one whose first is unknown to ports 0", () => {
    const datagram = udp(1000, 80, 1000);
    const part = (id: number, from: number, to: number) =>
      ethernet(
        0x86dd,
        ipv6({ ...a6, protocol: protocol.udp, payload: datagram.subarray(from, to) }, [
          fragmentExtension(id, from, to < datagram.length),
        ]),
      );
    datapath.from(part(5, 0, 800));
    datapath.from(part(5, 800, 1008));
    datapath.from(part(6, 800, 1008));
    const records = datapath.records();
    expect(records).toHaveLength(2);
    expect(records.find((one) => one.dst.endsWith(":80"))).toMatchObject({
      packets: 2,
      bytes: 2 * 48 + 1008,
    });
    expect(records.find((one) => one.dst.endsWith(":0"))).toMatchObject({ packets: 1, bytes: 256 });
    expectOdometersAgree(records);
  });

  it("a GSO super-packet counts as the segments that the wire will carry", () => {
    const payload = tcp(1000, 80, tcpFlag.ack, 3 * 1000, 12);
    const packet = frame({ ...a4, protocol: protocol.tcp, payload });
    datapath.from(packet, { gsoSize: 1000, gsoSegments: 3 });
    const records = datapath.records();
    expect(records).toMatchObject([{ packets: 3, bytes: 3 * (20 + 32 + 1000) }]);
    expectOdometersAgree(records);
  });

  it("a GSO packet without a count of segments is divided by their size", () => {
    const payload = udp(1000, 80, 2500);
    datapath.from(frame({ ...a6, protocol: protocol.udp, payload }), { gsoSize: 1000 });
    expect(datapath.records()).toMatchObject([{ packets: 3, bytes: 3 * 48 + 2500 }]);
  });

  it("what is no IP is other, and passes", () => {
    expect(datapath.from(ethernet(0x0806, new Uint8Array(28)))).toBe(pass);
    expect(datapath.odometer()).toMatchObject({ other_packets: 1, from_packets: 0 });
    expect(datapath.records()).toEqual([]);
  });

  it("a packet without MAC header is read by the programs for such devices", () => {
    // BPF_PROG_TEST_RUN always takes 14 bytes for Ethernet and passes them along: the program for
    // devices without it must not look past them for IP.
    const packet = frame({ ...a4, protocol: protocol.udp, payload: udp(1000, 80) });
    using layer3 = new Datapath({ layer3: true });
    layer3.run("from_workload_l3", packet);
    expect(layer3.odometer()).toMatchObject({ malformed_packets: 1, from_packets: 0 });
  });
});

describe("headers that do not parse", () => {
  const cases: [string, Uint8Array][] = [
    [
      "IPv4 header length below 20",
      ethernet(0x0800, Uint8Array.of(0x44, ...Array<number>(30).fill(0))),
    ],
    [
      "IPv4 that claims more than there is",
      frame({ ...a4, protocol: protocol.udp, payload: udp(1, 2), totalLength: 500 }),
    ],
    [
      "IPv4 that claims less than its header",
      frame({ ...a4, protocol: protocol.udp, payload: udp(1, 2), totalLength: 19 }),
    ],
    [
      "TCP cut off",
      frame({ ...a4, protocol: protocol.tcp, payload: tcp(1, 2, 2).subarray(0, 15) }),
    ],
    [
      "TCP whose header is longer than the packet",
      frame({
        ...a4,
        protocol: protocol.tcp,
        payload: Uint8Array.from(tcp(1, 2, 2), (byte, at) => (at === 12 ? 0xf0 : byte)),
      }),
    ],
    ["UDP cut off", frame({ ...a6, protocol: protocol.udp, payload: udp(1, 2).subarray(0, 4) })],
    [
      "ICMP cut off",
      frame({ ...a4, protocol: protocol.icmp, payload: icmp(8, 0, 1).subarray(0, 6) }),
    ],
    [
      "a TCP fragment that would rewrite the flags",
      frame({ ...a4, protocol: protocol.tcp, payload: new Uint8Array(16), fragmentOffset: 8 }),
    ],
    [
      "IPv6 with more extension headers than anybody needs",
      ethernet(
        0x86dd,
        ipv6(
          { ...a6, protocol: protocol.udp, payload: udp(1, 2) },
          Array.from({ length: 9 }, (): [number, number[]] => [60, [0, 0, 1, 4, 0, 0, 0, 0]]),
        ),
      ),
    ],
    [
      "an extension header longer than the packet",
      ethernet(
        0x86dd,
        ipv6({ ...a6, protocol: protocol.udp, payload: udp(1, 2) }, [
          [60, [0, 9, 1, 4, 0, 0, 0, 0]],
        ]),
      ),
    ],
  ];

  it.each(cases)("%s: counted beside the flows", (_name, packet) => {
    using datapath = new Datapath();
    expect(datapath.from(packet)).toBe(pass);
    expect(datapath.odometer()).toMatchObject({
      malformed_packets: 1,
      malformed_bytes: packet.length - 14,
      from_packets: 0,
    });
    expect(datapath.records()).toEqual([]);
  });

  it.each(cases)("%s: dropped at an isolated endpoint", (_name, packet) => {
    using datapath = new Datapath();
    datapath.enforce({ mode: "enforce", generation: 1, endpoints: [{ ifindex: 1, egress: 20 }] });
    expect(datapath.from(packet)).toBe(drop);
    expect(datapath.to(packet)).toBe(pass);
    datapath.enforce({ mode: "shadow", generation: 2, endpoints: [{ ifindex: 1, egress: 20 }] });
    expect(datapath.from(packet)).toBe(pass);
  });

  it("IPv4 itself is not tried behind nothing", () => {
    using datapath = new Datapath();
    expect(
      datapath.from(ethernet(0x0800, ipv4({ ...a4, protocol: 253, payload: new Uint8Array(4) }))),
    ).toBe(pass);
    expect(datapath.records()).toMatchObject([{ protocol: 253, src: "10.1.0.1:0", bytes: 24 }]);
  });
});
