import { setTimeout as sleep } from "node:timers/promises";
import { flowFlags, parseAddress } from "@weir/codec";
import { Datapath, drop, loopback, pass, total, u32 } from "./datapath.ts";
import type { DatapathOptions, Policy } from "./datapath.ts";
import {
  concat,
  ethernet,
  fragmentExtension,
  frame,
  icmp,
  ipv4,
  ipv6,
  protocol,
  tcp,
  tcpFlag,
  udp,
} from "./frame.ts";

const { syn, ack, psh } = tcpFlag;
const local = "10.1.0.1";
const peer = "10.1.0.2";
const stranger = "10.1.0.3";
const nodeAddress = "10.1.0.254";
const nodeFlag = 2 ** 31;

/** The endpoint is isolated both ways; `friend` (peer) may come to 80/TCP, it may go to 53/UDP. */
const policy: Policy = {
  mode: "enforce",
  generation: 7,
  endpoints: [{ ifindex: loopback, ingress: 100, egress: 200 }],
  identities: [
    { addr: parseAddress(peer), identity: 16 },
    { addr: parseAddress("fd00::2"), identity: 16 },
    { addr: parseAddress(nodeAddress), identity: 17 + nodeFlag },
  ],
  rules: [
    { ruleSet: 100, identity: 16, prefixBits: 88, protocol: protocol.tcp, port: 80, rule: 1 },
    { ruleSet: 200, identity: 16, prefixBits: 88, protocol: protocol.udp, port: 53, rule: 2 },
    { ruleSet: 200, identity: 17, prefixBits: 72, protocol: protocol.tcp, rule: 3 },
  ],
};

const tcpOut = (flags: number, from: number, to: number, dst = peer) =>
  frame({ src: local, dst, protocol: protocol.tcp, payload: tcp(from, to, flags) });
const tcpIn = (flags: number, from: number, to: number, src = peer) =>
  frame({ src, dst: local, protocol: protocol.tcp, payload: tcp(from, to, flags) });
const udpOut = (from: number, to: number, dst = peer) =>
  frame({ src: local, dst, protocol: protocol.udp, payload: udp(from, to) });
const udpIn = (from: number, to: number, src = peer) =>
  frame({ src, dst: local, protocol: protocol.udp, payload: udp(from, to) });

function enforcing(changes: Partial<Policy> = {}, options: DatapathOptions = {}): Datapath {
  const datapath = new Datapath(options);
  datapath.enforce({ ...policy, ...changes });
  return datapath;
}

describe("a verdict", () => {
  it("allows what a rule names, for the connection and both its directions", () => {
    using datapath = enforcing();
    expect(datapath.to(tcpIn(syn, 1000, 80))).toBe(pass);
    expect(datapath.from(tcpOut(syn | ack, 80, 1000))).toBe(pass);
    expect(datapath.from(udpOut(1000, 53))).toBe(pass);
    expect(datapath.to(udpIn(53, 1000))).toBe(pass);
    const records = datapath.records();
    const told = records.map((one) => `${one.rule} ${one.reason} ${one.generation}`);
    expect(told.sort()).toEqual(["1 policy 7", "2 policy 7"]);
  });

  it.each<[string, Uint8Array, "from" | "to"]>([
    ["another port", tcpIn(syn, 1000, 81), "to"],
    ["another protocol", udpIn(1000, 80), "to"],
    ["another peer", tcpIn(syn, 1000, 80, stranger), "to"],
    ["the other direction", tcpOut(syn, 1000, 80), "from"],
    ["a reply to nothing", tcpOut(syn | ack, 81, 1000), "from"],
  ])("denies %s, by the rule set, at once and once", (_name, packet, side) => {
    using datapath = enforcing();
    for (let attempt = 0; attempt < 3; attempt++) expect(datapath[side](packet)).toBe(drop);
    const edges = datapath.edges();
    expect(edges).toMatchObject([
      { kind: "denied_edge", verdict: "denied", reason: "default_deny", generation: 7 },
    ]);
    expect([100, 200]).toContain(edges[0]?.rule);
    expect([edges[0]?.packets, edges[0]?.replyPackets]).toContain(1);
    const [rest] = datapath.sweep({ flush: true });
    expect((rest?.packets ?? 0) + (rest?.replyPackets ?? 0)).toBe(2);
    expect(datapath.odometer()).toMatchObject({ denied_packets: 3 });
  });

  it("takes port prefixes, protocols and any peer", () => {
    using datapath = enforcing({
      rules: [
        { ruleSet: 100, prefixBits: 72 + 8, protocol: protocol.tcp, port: 0x1f00, rule: 1 },
        { ruleSet: 100, identity: 16, prefixBits: 72, protocol: protocol.udp, rule: 2 },
        { ruleSet: 200, prefixBits: 64, rule: 3 },
      ],
    });
    expect(datapath.to(tcpIn(syn, 1, 0x1f00, stranger))).toBe(pass);
    expect(datapath.to(tcpIn(syn, 2, 0x1fff, stranger))).toBe(pass);
    expect(datapath.to(tcpIn(syn, 3, 0x2000, stranger))).toBe(drop);
    expect(datapath.to(udpIn(4, 9))).toBe(pass);
    expect(datapath.to(udpIn(5, 9, stranger))).toBe(drop);
    expect(datapath.from(tcpOut(syn, 6, 9, "192.0.2.1"))).toBe(pass);
  });

  it("judges an echo by rules without ports only", () => {
    const echo = (src: string, dst: string) =>
      frame({ src, dst, protocol: protocol.icmp, payload: icmp(8, 0, 5) });
    using strict = enforcing();
    expect(strict.to(echo(peer, local))).toBe(drop);
    using open = enforcing({ rules: [{ ruleSet: 100, identity: 16, prefixBits: 64, rule: 9 }] });
    expect(open.to(echo(peer, local))).toBe(pass);
    const reply = frame({ src: local, dst: peer, protocol: protocol.icmp, payload: icmp(0, 0, 5) });
    expect(open.from(reply)).toBe(pass);
    expect(open.to(echo(stranger, local))).toBe(drop);
  });

  it("lets ICMP errors, neighbour discovery and MLD pass", () => {
    using datapath = enforcing();
    const quoted = ipv4({ src: local, dst: stranger, protocol: protocol.udp, payload: udp(1, 2) });
    for (const type of [3, 11, 12]) {
      const payload = concat(icmp(type, 0, 0), quoted);
      expect(
        datapath.to(frame({ src: stranger, dst: local, protocol: protocol.icmp, payload })),
      ).toBe(pass);
    }
    for (const type of [1, 2, 3, 4, 130, 131, 132, 133, 134, 135, 136, 137, 143]) {
      const payload = icmp(type, 0, 0, new Uint8Array(16));
      expect(
        datapath.to(frame({ src: "fd00::3", dst: "fd00::1", protocol: protocol.icmpv6, payload })),
      ).toBe(pass);
    }
    for (const one of datapath.records())
      expect(one).toMatchObject({ reason: "icmp", verdict: "allowed" });
    // A timestamp request is neither.
    const other = frame({
      src: stranger,
      dst: local,
      protocol: protocol.icmp,
      payload: icmp(13, 0, 0),
    });
    expect(datapath.to(other)).toBe(drop);
  });

  it("lets everything in from the node, and judges what goes out to it by its rules", () => {
    using datapath = enforcing();
    expect(datapath.to(tcpIn(syn, 1, 4444, nodeAddress))).toBe(pass);
    expect(datapath.from(tcpOut(syn, 2, 4444, nodeAddress))).toBe(pass);
    expect(datapath.from(udpOut(3, 4444, nodeAddress))).toBe(drop);
    const reasons = datapath
      .records()
      .map((one) => one.reason)
      .sort();
    expect(reasons).toEqual(["default_deny", "node", "policy"]);
  });

  it("takes nobody else for the node, whatever address is written", () => {
    using datapath = enforcing();
    const forged = { broughtBy: 9 };
    expect(datapath.to(tcpIn(syn, 1, 4444, nodeAddress), forged)).toBe(drop);
    expect(datapath.to(udpIn(2, 9, nodeAddress), forged)).toBe(drop);
    const denied = datapath.records();
    expect(denied.map((one) => `${one.reason} ${one.rule}`)).toEqual([
      "default_deny 100",
      "default_deny 100",
    ]);
    // The attempt opens nothing for the pod either, not even when the policy changes.
    expect(datapath.from(udpOut(9, 2, nodeAddress))).toBe(drop);
    datapath.enforce({ ...policy, generation: 8 });
    expect(datapath.from(udpOut(9, 2, nodeAddress))).toBe(drop);
    // A rule for the node's address is one for whoever has it.
    datapath.enforce({
      ...policy,
      rules: [
        { ruleSet: 100, identity: 17, prefixBits: 88, protocol: protocol.tcp, port: 22, rule: 4 },
      ],
    });
    expect(datapath.to(tcpIn(syn, 3, 22, nodeAddress), forged)).toBe(pass);
  });

  it("lets nobody into a connection of the node, nor cuts it for them", () => {
    using datapath = enforcing();
    const probe = (): number => datapath.to(udpIn(2, 9, nodeAddress));
    const forge = (): number => datapath.to(udpIn(2, 9, nodeAddress), { broughtBy: 9 });
    expect([probe(), forge(), probe()]).toEqual([pass, drop, pass]);
    datapath.enforce({ ...policy, generation: 8 });
    expect([forge(), probe()]).toEqual([drop, pass]);
    expect(datapath.from(udpOut(9, 2, nodeAddress))).toBe(pass);
    expect(total(datapath.records())).toMatchObject({ packets: 4 });
    expect(datapath.odometer()).toMatchObject({
      malformed_packets: 2,
      to_packets: 3,
      from_packets: 1,
    });
    datapath.enforce({ ...policy, mode: "shadow" });
    expect(forge()).toBe(pass);
  });

  it("over what cannot be counted is deny where the endpoint is isolated", () => {
    using datapath = enforcing();
    const spilled = datapath.object.map("odometers");
    datapath.odometers.remove(loopback);
    datapath.odometers.open(loopback + 4096);
    const fresh = new Uint8Array(spilled.valueBytes);
    for (let other = 0; other < spilled.maxEntries; other++)
      spilled.update(u32(10_000 + other), fresh);
    expect(datapath.to(tcpIn(syn, 1, 80))).toBe(drop);
    expect(datapath.from(udpOut(1, 53))).toBe(drop);
    expect(datapath.dropped("WEIR_DROP_UNCOUNTED")).toBe(2);
    datapath.enforce({ ...policy, endpoints: [{ ifindex: loopback, ingress: 100 }] });
    expect(datapath.from(udpOut(1, 53))).toBe(pass);
    datapath.enforce({ ...policy, mode: "shadow" });
    expect(datapath.to(tcpIn(syn, 1, 80))).toBe(pass);
    // As soon as there is room again all is as it was.
    datapath.enforce(policy);
    spilled.delete(u32(10_000));
    expect(datapath.to(tcpIn(syn, 1, 80))).toBe(pass);
    expect(datapath.to(tcpIn(syn, 1, 81))).toBe(drop);
  });

  it("lets an established connection live on that no handshake was seen of, from either side", () => {
    using datapath = enforcing();
    // The endpoint's answers come first; it may not open to port 1000, but it may serve 80.
    expect(datapath.from(tcpOut(ack, 80, 1000))).toBe(pass);
    expect(datapath.to(tcpIn(psh | ack, 1000, 80))).toBe(pass);
    expect(datapath.from(tcpOut(ack, 81, 1000))).toBe(drop);
    const allowed = datapath.records().find((one) => one.verdict === "allowed");
    expect(allowed).toMatchObject({ src: `${peer}:1000`, direction: "ingress", packets: 1 });
    expect((allowed?.flags ?? 0) & flowFlags.initiatorGuessed).toBe(flowFlags.initiatorGuessed);
  });

  it.each([
    ["a packet without flags", 0],
    ["a SYN+ACK", syn | ack],
    ["data", ack | psh],
  ])("over a SYN is its own, whatever came first: %s", (_, flags) => {
    const halfOpen = [{ ifindex: loopback, ingress: 100 }];
    using datapath = enforcing({ endpoints: halfOpen });
    // May be of a connection that the endpoint began, which nothing forbids.
    expect(datapath.to(tcpIn(flags, 1, 81))).toBe(pass);
    expect(datapath.to(tcpIn(syn, 1, 81))).toBe(drop);
    expect(datapath.to(tcpIn(ack, 1, 81))).toBe(drop);
    expect(datapath.from(tcpOut(syn, 81, 1))).toBe(pass);
    expect(total(datapath.records())).toMatchObject({ packets: 4 });
  });

  it("over one side's packets is none over the other side's attempt", () => {
    using datapath = enforcing({
      rules: [
        { ruleSet: 100, identity: 16, prefixBits: 88, protocol: protocol.udp, port: 443, rule: 5 },
      ],
    });
    // After maps were made anew the server's packet is seen first and looks like an attempt.
    expect(datapath.from(udpOut(443, 5000))).toBe(drop);
    expect(datapath.to(udpIn(5000, 443))).toBe(pass);
    expect(datapath.from(udpOut(443, 5000))).toBe(pass);
    const records = datapath.records();
    expect(
      records.map(({ verdict, src, packets, replyPackets }) => [
        verdict,
        src,
        packets,
        replyPackets,
      ]),
    ).toEqual([
      ["denied", `${local}:443`, 1, 0],
      ["allowed", `${peer}:5000`, 1, 1],
    ]);
  });

  describe("that takes back an allowed connection", () => {
    const open: Policy = { ...policy, endpoints: [{ ifindex: loopback }] };
    const halfOpen: Policy = { ...policy, endpoints: [{ ifindex: loopback, ingress: 100 }] };
    const connected = (): Datapath => {
      const datapath = enforcing(open);
      expect(datapath.to(tcpIn(syn, 40_000, 81))).toBe(pass);
      expect(datapath.from(tcpOut(syn | ack, 81, 40_000))).toBe(pass);
      expect(datapath.to(tcpIn(ack, 40_000, 81))).toBe(pass);
      return datapath;
    };

    it("stops both its directions, though the responder may begin to anybody", () => {
      using datapath = connected();
      datapath.enforce(halfOpen);
      expect(datapath.from(tcpOut(psh | ack, 81, 40_000))).toBe(drop);
      expect(datapath.to(tcpIn(ack, 40_000, 81))).toBe(drop);
      expect(datapath.from(tcpOut(psh | ack, 81, 40_000))).toBe(drop);
      expect(total(datapath.records()).connections).toBe(1);
    });

    it.each([
      ["a SYN", syn],
      ["an RST", tcpFlag.rst],
      ["FIN, then FIN of the other side", tcpFlag.fin | ack],
    ])("is not brought back by %s", async (_, flags) => {
      using datapath = connected();
      datapath.enforce(halfOpen);
      expect(datapath.to(tcpIn(flags, 40_000, 81))).toBe(drop);
      expect(datapath.from(tcpOut(tcpFlag.fin | ack, 81, 40_000))).toBe(drop);
      datapath.set("tcp_closed_timeout_ns", 1);
      await sleep(10);
      datapath.expire();
      expect(datapath.from(tcpOut(psh | ack, 81, 40_000))).toBe(drop);
      expect(datapath.to(tcpIn(ack, 40_000, 81))).toBe(drop);
      // Another policy that denies it is no new start either.
      datapath.enforce({ ...halfOpen, generation: 9 });
      expect(datapath.from(tcpOut(psh | ack, 81, 40_000))).toBe(drop);
    });

    it("lets it go on when it is allowed again, and the responder begin with a SYN", () => {
      using datapath = connected();
      datapath.enforce(halfOpen);
      expect(datapath.from(tcpOut(ack, 81, 40_000))).toBe(drop);
      datapath.enforce({ ...open, generation: 9 });
      expect(datapath.from(tcpOut(ack, 81, 40_000))).toBe(pass);
      expect(datapath.to(tcpIn(ack, 40_000, 81))).toBe(pass);
      datapath.enforce({ ...halfOpen, generation: 10 });
      expect(datapath.to(tcpIn(ack, 40_000, 81))).toBe(drop);
      expect(datapath.from(tcpOut(syn, 81, 40_000))).toBe(pass);
      expect(datapath.to(tcpIn(syn | ack, 40_000, 81))).toBe(pass);
    });

    it.each([
      ["stops the answers of a server", 443, 40_000, drop],
      ["leaves alone who may have begun: both ports serve", 443, 500, pass],
      ["leaves alone who may have begun: both ports may be a client's", 50_000, 40_000, pass],
    ])("over UDP %s", (_, server, client, verdict) => {
      using datapath = enforcing(open);
      expect(datapath.to(udpIn(client, server))).toBe(pass);
      expect(datapath.from(udpOut(server, client))).toBe(pass);
      datapath.enforce(halfOpen);
      expect(datapath.from(udpOut(server, client))).toBe(verdict);
      expect(datapath.to(udpIn(client, server))).toBe(verdict);
    });
  });

  it("is NOT_ISOLATED without a rule set, OBSERVED without a policy", () => {
    using datapath = new Datapath();
    datapath.to(tcpIn(syn, 1, 80));
    datapath.enforce({ ...policy, endpoints: [{ ifindex: loopback, ingress: 100 }] });
    datapath.from(udpOut(2, 9));
    const reasons = datapath.records().map((one) => `${one.reason} ${one.generation}`);
    expect(reasons.sort()).toEqual(["not_isolated 7", "observed 0"]);
  });

  it("over an endpoint that the policy does not know is a setting", () => {
    using lenient = enforcing({ endpoints: [] });
    expect(lenient.to(tcpIn(syn, 1, 80))).toBe(pass);
    using strict = enforcing({ endpoints: [] }, { unknownDenied: true });
    expect(strict.to(tcpIn(syn, 1, 80))).toBe(drop);
  });

  it("closes an interface until the policy knows it, from its first packet", () => {
    using datapath = new Datapath();
    datapath.setEndpoint(loopback, "enforce", { closedUntilKnown: true });
    expect(datapath.to(tcpIn(syn, 1, 80))).toBe(pass);
    datapath.enforce({ ...policy, endpoints: [] });
    expect(datapath.to(tcpIn(syn, 1, 80))).toBe(drop);
    expect(datapath.from(udpOut(2, 9))).toBe(drop);
    datapath.enforce({ ...policy, endpoints: [{ ifindex: loopback }] });
    expect(datapath.to(tcpIn(syn, 1, 80))).toBe(pass);
    expect(datapath.from(udpOut(2, 9))).toBe(pass);
    datapath.enforce({ ...policy, mode: "observe", endpoints: [] });
    expect(datapath.to(tcpIn(syn, 3, 80))).toBe(pass);
  });

  it("goes no further than the interface's limit", () => {
    using datapath = enforcing();
    datapath.setEndpoint(loopback, "shadow");
    expect(datapath.to(tcpIn(syn, 1, 81))).toBe(pass);
    datapath.setEndpoint(loopback, "observe");
    expect(datapath.to(tcpIn(syn, 2, 81))).toBe(pass);
    const reasons = datapath.records().map((one) => `${one.verdict} ${one.reason} ${one.rule}`);
    expect(reasons.sort()).toEqual(["allowed observed 0", "allowed shadow_deny 100"]);
  });

  it.each(["IPv4", "IPv6"])("denies a later %s fragment whose first it has not seen", (version) => {
    using datapath = enforcing();
    const fragment = (id: number, offset: number, payload: Uint8Array, more: boolean) =>
      version === "IPv4"
        ? frame({
            src: local,
            dst: peer,
            protocol: protocol.udp,
            payload,
            id,
            fragmentOffset: offset,
            moreFragments: more,
          })
        : ethernet(
            0x86dd,
            ipv6({ src: "fd00::1", dst: "fd00::2", protocol: protocol.udp, payload }, [
              fragmentExtension(id, offset, more),
            ]),
          );
    expect(datapath.from(fragment(1, 64, new Uint8Array(64), false))).toBe(drop);
    expect(datapath.from(fragment(2, 0, udp(9, 53, 56), true))).toBe(pass);
    expect(datapath.from(fragment(2, 64, new Uint8Array(64), false))).toBe(pass);
    expect(datapath.from(fragment(3, 0, udp(9, 54, 56), true))).toBe(drop);
    expect(datapath.from(fragment(3, 64, new Uint8Array(64), false))).toBe(drop);
    const reasons = datapath
      .records()
      .filter((one) => one.verdict === "denied")
      .map((one) => one.reason);
    expect([...new Set(reasons)].sort()).toEqual(["default_deny", "fragment"]);
  });
});

describe("another policy", () => {
  it("judges what is established again, and tells what was under the old one first", () => {
    using datapath = new Datapath();
    datapath.to(tcpIn(syn, 1, 81));
    datapath.from(tcpOut(syn | ack, 81, 1));
    datapath.enforce(policy);
    expect(datapath.to(tcpIn(ack, 1, 81))).toBe(drop);
    expect(datapath.edges()).toMatchObject([
      {
        kind: "changed",
        verdict: "allowed",
        reason: "observed",
        packets: 1,
        replyPackets: 1,
        connections: 1,
      },
      {
        kind: "denied_edge",
        verdict: "denied",
        packets: 1,
        replyPackets: 0,
        connections: 0,
        generation: 7,
      },
    ]);
    datapath.enforce({ ...policy, generation: 8, mode: "observe" });
    expect(datapath.to(tcpIn(ack, 1, 81))).toBe(pass);
  });

  it("stamps its generation on what comes after it, the old one on what came before", () => {
    using datapath = enforcing();
    datapath.to(tcpIn(syn, 1, 80));
    datapath.enforce({ ...policy, generation: 8 });
    datapath.to(tcpIn(ack, 1, 80));
    expect(datapath.records().map((one) => [one.generation, one.packets])).toEqual([
      [7, 1],
      [8, 1],
    ]);
  });

  it("with no entries denies everything at an isolated endpoint", () => {
    using datapath = enforcing({ identities: [], rules: [] });
    expect(datapath.to(tcpIn(syn, 1, 80))).toBe(drop);
    expect(datapath.from(udpOut(1, 53))).toBe(drop);
  });
});
