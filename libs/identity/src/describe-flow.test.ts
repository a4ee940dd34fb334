import { describe, expect, it } from "@jest/globals";
import { flowFlags, flowSymbols, parseAddress } from "@weir/codec";
import type { FlowColumns, Workload } from "@weir/codec";
import { describeFlow } from "./describe-flow.ts";
import { IdentityIndex } from "./identity-index.ts";
import { ReasonTexts } from "./reason-text.ts";

const TIME = Date.UTC(2026, 0, 2, 3, 4, 5, 678) * 1000;

function columns(): FlowColumns {
  const numbers = (value: number): Float64Array => Float64Array.of(value);
  const bytes = (value: number): Uint8Array => Uint8Array.of(value);
  return {
    node: "n1",
    bootId: "b",
    block: 1,
    rules: [{ generation: 3, rule: 9, text: "shop/cart ingress[0]" }],
    processes: [
      {
        ...{ pid: 4711, start: TIME - 1_000_000, comm: "node", cgroup_id: 0 },
        ...{ executable: "/usr/bin/node", container: "" },
      },
    ],
    names: ["db.example.org"],
    count: 1,
    time: numbers(TIME + 5_000_009),
    first: numbers(TIME),
    last: numbers(TIME),
    sequence: numbers(0),
    packets: numbers(4),
    bytes: numbers(400),
    replyPackets: numbers(3),
    replyBytes: numbers(300),
    addresses: new Uint8Array(0),
    srcAddr: parseAddress("10.0.0.1"),
    dstAddr: parseAddress("fd00::2"),
    srcAddrIndex: Uint32Array.of(0),
    dstAddrIndex: Uint32Array.of(1),
    ifindex: Uint32Array.of(7),
    generation: Uint32Array.of(3),
    rule: Uint32Array.of(9),
    srcPort: Uint16Array.of(40_000),
    dstPort: Uint16Array.of(8080),
    cpu: Uint16Array.of(0),
    protocol: bytes(6),
    direction: bytes(flowSymbols.direction.indexOf("egress")),
    verdict: bytes(flowSymbols.verdict.indexOf("allowed")),
    reason: bytes(flowSymbols.reason.indexOf("policy")),
    kind: bytes(5),
    flags: bytes(0),
    tcpFlags: bytes(0),
    replyTcpFlags: bytes(0),
    connections: bytes(1),
    process: Uint32Array.of(0),
    handshakeRttUs: Uint32Array.of(0),
    srttUs: Uint32Array.of(0),
    retransmits: Uint32Array.of(0),
    firstByteUs: Uint32Array.of(0),
    dns: Uint32Array.of(0),
    closeReason: bytes(0),
    words: {} as FlowColumns["words"],
  };
}

const cart: Workload = {
  kind: "pod",
  namespace: "shop",
  name: "cart-1",
  uid: "u",
  workload: "cart",
  workload_kind: "Deployment",
  node: "n1",
  addresses: [parseAddress("10.0.0.1")],
  labels: {},
  namespace_labels: {},
  host_network: false,
  ports: [],
  since: TIME - 1,
  until: TIME + 1,
};

describe("a flow for people", () => {
  it("has the words of the command line, and leaves out what is unknown", () => {
    const index = new IdentityIndex();
    index.apply(cart);
    const block = columns();
    expect(describeFlow(block, 0, index, new ReasonTexts(block.rules))).toEqual({
      time: "2026-01-02T03:04:10.678009Z",
      node: "n1",
      direction: "egress",
      source: { ip: "10.0.0.1", port: 40_000, namespace: "shop", pod: "cart-1", workload: "cart" },
      destination: { ip: "fd00::2", port: 8080 },
      protocol: "TCP",
      packets: 4,
      bytes: 400,
      replyPackets: 3,
      replyBytes: 300,
      verdict: "allowed",
      reason: "shop/cart ingress[0]",
      generation: 3,
    });
  });

  it("says what is known of the connection", () => {
    const known = {
      ...columns(),
      flags: Uint8Array.of(flowFlags.beforeStart),
      process: Uint32Array.of(1),
      handshakeRttUs: Uint32Array.of(250),
      srttUs: Uint32Array.of(4_294_967_295),
      retransmits: Uint32Array.of(2),
      firstByteUs: Uint32Array.of(1200),
      dns: Uint32Array.of(1),
      closeReason: Uint8Array.of(flowSymbols.close_reason.indexOf("refused")),
    };
    expect(describeFlow(known, 0, new IdentityIndex(), new ReasonTexts([]))).toMatchObject({
      ...{ handshakeRttUs: 250, srttUs: 4_294_967_295, retransmits: 2, firstByteUs: 1200 },
      ...{ beforeStart: true, dnsName: "db.example.org", closeReason: "refused" },
      // Nobody knows who has the address: the name that was asked for says it.
      destination: { name: "db.example.org" },
      process: {
        ...{ pid: 4711, comm: "node", executable: "/usr/bin/node" },
        start: "2026-01-02T03:04:04.678000Z",
      },
    });
  });

  it("has no port where the protocol has none", () => {
    const block = columns();
    block.protocol[0] = 47;
    const flow = describeFlow(block, 0, new IdentityIndex(), new ReasonTexts([]));
    expect(flow).toMatchObject({ protocol: "GRE", destination: { ip: "fd00::2" } });
    expect(flow.destination).not.toHaveProperty("port");
  });

  it("asks who it was at the latest packet, not when the record was made", () => {
    const index = new IdentityIndex();
    index.apply(cart);
    index.apply({ ...cart, name: "web-2", uid: "v", since: TIME + 2, until: null });
    const block = columns();
    const flow = describeFlow(block, 0, index, new ReasonTexts(block.rules));
    expect(flow.source.pod).toBe("cart-1");
  });

  it("has no port for ICMP, and the name of what is no pod", () => {
    const index = new IdentityIndex();
    const name = { name: "api.example", workload: "x", workload_kind: "External" };
    index.apply({ ...cart, ...name, kind: "host", namespace: "" });
    const block = { ...columns(), protocol: Uint8Array.of(1), direction: Uint8Array.of(0) };
    const flow = describeFlow(block, 0, index, new ReasonTexts([]));
    expect(flow.source).toEqual({ ip: "10.0.0.1", name: "api.example" });
    expect(flow).not.toHaveProperty("direction");
    expect(flow.reason).toBe("policy");
  });
});

describe("the reason of a flow", () => {
  const texts = new ReasonTexts([
    { generation: 3, rule: 9, text: "shop/cart ingress[0]" },
    { generation: 4, rule: 9, text: "another" },
  ]);
  const code = (symbol: (typeof flowSymbols.reason)[number]): number =>
    flowSymbols.reason.indexOf(symbol);

  it("is the rule's text in its own generation, else the code with dashes", () => {
    expect(texts.text(code("policy"), 3, 9)).toBe("shop/cart ingress[0]");
    expect(texts.text(code("default_deny"), 4, 9)).toBe("another");
    expect(texts.text(code("shadow_deny"), 5, 9)).toBe("shadow-deny");
    expect(texts.text(code("not_isolated"), 3, 9)).toBe("not-isolated");
    expect(texts.text(200, 3, 9)).toBe("unknown");
  });
});
