import { flowFlags } from "@weir/codec";
import { Datapath, loopback, total } from "./datapath.ts";
import { concat, frame, icmp, ipv4, ipv6, protocol, tcp, tcpFlag, udp } from "./frame.ts";

const { syn, ack, fin, rst, psh } = tcpFlag;
const client = "10.1.0.1";
const server = "10.1.0.2";

const out = (flags: number, payload = 0, port = 1000) =>
  frame({
    src: client,
    dst: server,
    protocol: protocol.tcp,
    payload: tcp(port, 80, flags, payload),
  });
const back = (flags: number, payload = 0, port = 1000) =>
  frame({
    src: server,
    dst: client,
    protocol: protocol.tcp,
    payload: tcp(80, port, flags, payload),
  });

describe("a connection", () => {
  let datapath: Datapath;
  beforeEach(() => (datapath = new Datapath()));
  afterEach(() => datapath[Symbol.dispose]());

  const open = (): void => {
    datapath.from(out(syn));
    datapath.to(back(syn | ack));
    datapath.from(out(ack));
  };
  const close = (): void => {
    datapath.from(out(fin | ack));
    datapath.to(back(fin | ack));
    datapath.from(out(ack));
  };

  it("is one record when it is over before anybody asked", () => {
    open();
    datapath.from(out(psh | ack, 100));
    datapath.to(back(psh | ack, 1000));
    close();
    const edges = datapath.edges();
    expect(edges.map((one) => one.kind)).toEqual(["closed"]);
    expect(edges.map((one) => one.sequence)).toEqual([1]);
    expect(edges[0]).toMatchObject({
      src: "10.1.0.1:1000",
      dst: "10.1.0.2:80",
      packets: 5,
      bytes: 5 * 40 + 100,
      replyPackets: 3,
      replyBytes: 3 * 40 + 1000,
      direction: "egress",
      verdict: "allowed",
      reason: "observed",
      connections: 1,
      flags: flowFlags.answered,
      tcpFlags: syn | ack | psh | fin,
      replyTcpFlags: syn | ack | psh | fin,
    });
    expect(datapath.sweep()).toEqual([]);
  });

  it("seen from the responder's interface has the same source, and is ingress", () => {
    datapath.to(out(syn));
    datapath.from(back(syn | ack));
    datapath.to(out(ack));
    expect(datapath.sweep()).toMatchObject([
      { src: "10.1.0.1:1000", packets: 2, replyPackets: 1, direction: "ingress", connections: 1 },
    ]);
  });

  it("under way is told by deltas, its connection once", () => {
    open();
    const first = datapath.sweep();
    expect(first).toMatchObject([{ kind: "active", packets: 2, replyPackets: 1, connections: 1 }]);
    datapath.from(out(ack, 10));
    // Told a moment ago: the active timeout has not passed.
    expect(datapath.sweep()).toEqual([]);
    datapath.set("active_timeout_ns", 1);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 3);
    const second = datapath.sweep();
    expect(second).toMatchObject([{ packets: 1, bytes: 50, replyPackets: 0, connections: 0 }]);
    close();
    expect(datapath.edges()).toMatchObject([
      { kind: "closed", packets: 2, replyPackets: 1, connections: 0 },
    ]);
  });

  it("without its last ACK is told by the sweep, after which the entry is gone", () => {
    open();
    datapath.from(out(fin | ack));
    datapath.to(back(fin | ack));
    expect(datapath.edges()).toEqual([]);
    datapath.set("tcp_closed_timeout_ns", 1);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 3);
    expect(datapath.expire()).toMatchObject([{ kind: "idle", packets: 3, replyPackets: 2 }]);
    expect([...datapath.object.map("flows").entries()]).toEqual([]);
    expect(datapath.dropped("WEIR_DROP_FLOWS_CREATED")).toBe(1);
    expect(datapath.dropped("WEIR_DROP_FLOWS_DELETED")).toBe(1);
  });

  it("refused by RST says so at once", () => {
    datapath.from(out(syn));
    datapath.to(back(rst | ack));
    const [edge] = datapath.edges();
    expect(edge).toMatchObject({ kind: "closed", packets: 1, replyPackets: 1, connections: 1 });
    expect(edge?.flags).toBe(flowFlags.refused);
  });

  it("reset after an answer was not refused", () => {
    open();
    datapath.to(back(rst | ack));
    expect(datapath.edges()).toMatchObject([{ kind: "closed", flags: flowFlags.answered }]);
  });

  it("over the 5-tuple of one that is over is another one", () => {
    open();
    close();
    datapath.from(out(ack));
    open();
    datapath.from(out(rst));
    const edges = datapath.edges();
    expect(edges.map(({ kind, packets, connections }) => [kind, packets, connections])).toEqual([
      ["closed", 4, 1],
      // The straggler after the end belongs to the first life.
      ["closed", 1, 0],
      ["closed", 3, 1],
    ]);
    expect(datapath.dropped("WEIR_DROP_FLOWS_CREATED")).toBe(1);
  });

  it("that was told already and is replaced by another SYN has an end, without numbers", () => {
    datapath.from(out(syn));
    datapath.to(back(syn | ack));
    datapath.from(out(ack));
    expect(datapath.sweep()).toMatchObject([{ kind: "active", packets: 2, connections: 1 }]);
    // From the responder: not the initiator's SYN sent again.
    datapath.to(back(syn));
    expect(datapath.edges()).toMatchObject([
      { kind: "closed", closeReason: "replaced", packets: 0, replyPackets: 0, connections: 0 },
    ]);
    expect(datapath.dropped("WEIR_DROP_EDGE_MERGED")).toBe(0);
  });

  it("that ended and was told is told no second time", () => {
    datapath.from(out(syn));
    datapath.to(back(syn | ack));
    datapath.from(out(rst));
    expect(datapath.edges()).toHaveLength(1);
    datapath.from(out(syn));
    expect(datapath.edges()).toEqual([]);
  });

  it("met in the middle has a guessed initiator, and says that it is one", () => {
    datapath.to(back(ack, 500));
    const [record] = datapath.records();
    expect(record).toMatchObject({ src: "10.1.0.2:80", direction: "ingress", connections: 1 });
    expect(record?.flags).toBe(flowFlags.initiatorGuessed | flowFlags.beforeStart);
  });

  it("met at its SYN+ACK was begun by the one who gets it", () => {
    datapath.to(back(syn | ack));
    expect(datapath.records()).toMatchObject([
      { src: "10.1.0.1:1000", packets: 0, replyPackets: 1, flags: flowFlags.answered },
    ]);
  });

  it.each([
    ["IPv4", client, server, 3, 3, protocol.icmp],
    ["IPv6", "fd00::1", "fd00::2", 1, 4, protocol.icmpv6],
  ])(
    "refused by ICMP over %s is marked, by what the error quotes",
    (_name, a, b, type, code, number) => {
      const quoted = { src: a, dst: b, protocol: protocol.udp, payload: udp(1000, 53, 20) };
      datapath.from(frame(quoted));
      const packet = a.includes(":") ? ipv6(quoted) : ipv4(quoted);
      const error = concat(icmp(type, code, 0), packet);
      datapath.to(frame({ src: b, dst: a, protocol: number, payload: error }));
      const records = datapath.records();
      const flow = records.find((one) => one.protocol === protocol.udp);
      expect((flow?.flags ?? 0) & flowFlags.refused).toBe(flowFlags.refused);
      expect((flow?.flags ?? 0) & flowFlags.answered).toBe(0);
      expect(records.find((one) => one.protocol === number)).toMatchObject({ packets: 1 });
    },
  );

  it("that was answered is not refused by a forged error", () => {
    const quoted = { src: client, dst: server, protocol: protocol.udp, payload: udp(1000, 53, 20) };
    datapath.from(frame(quoted));
    datapath.to(
      frame({ src: server, dst: client, protocol: protocol.udp, payload: udp(53, 1000) }),
    );
    const error = concat(icmp(3, 3, 0), ipv4(quoted));
    datapath.to(frame({ src: server, dst: client, protocol: protocol.icmp, payload: error }));
    const flow = datapath.records().find((one) => one.protocol === protocol.udp);
    expect(flow?.flags).toBe(flowFlags.answered);
  });

  it("loses nothing when the ring is full: the sweep tells what the edges could not", () => {
    using small = new Datapath({ ringBytes: 4096 });
    for (let port = 1; port <= 200; port++) {
      small.from(out(syn, 0, port));
      small.to(back(rst | ack, 0, port));
    }
    expect(small.dropped("WEIR_DROP_RING_FULL")).toBeGreaterThan(150);
    expect(total(small.records())).toEqual({ packets: 400, bytes: 16_000, connections: 200 });
    expect(small.sweep({ flush: true })).toEqual([]);
  });

  it("that finds the map full is missing from the flows, never from the odometer", () => {
    using small = new Datapath({ flows: 256 });
    // Watched, so that nothing is deleted: a walk may pass over the neighbour of what is.
    small.setEndpoint(loopback, "observe");
    // Nor because it rests: an interface that wants more than its share has a sixteenth of this.
    small.set("tcp_opening_timeout_ns", 3_600_000);
    for (let port = 1; port <= 2000; port++) small.from(out(syn, 0, port));
    expect(total(small.records())).toMatchObject({ packets: 256, connections: 256 });
    expect(small.odometer()).toMatchObject({
      ...{ from_packets: 2000, untracked_packets: 2000 - 256, untracked_bytes: (2000 - 256) * 40 },
      untracked_connections: 2000 - 256,
    });
    expect(small.dropped("WEIR_DROP_MAP_FULL")).toBe(2000 - 256);
  });

  it("is told whole by a sweep through a reader smaller than what there is to tell", () => {
    for (let port = 1; port <= 1500; port++) datapath.from(out(syn, 0, port));
    // 1,500 records are more than the kernel's buffer of 32 KiB: entries are shown again.
    expect(total(datapath.sweep())).toEqual({ packets: 1500, bytes: 60_000, connections: 1500 });
    expect(datapath.sweep({ flush: true })).toEqual([]);
  });
});
