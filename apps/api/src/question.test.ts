import { describe, expect, it } from "@jest/globals";
import type { FlowLine } from "./answers.ts";
import { type FlowFilter, matcher } from "./question.ts";

const flow: FlowLine = {
  time: "2026-01-01T00:00:00Z",
  node: "n",
  direction: "egress",
  source: { ip: "10.0.0.1", port: 40_000, namespace: "shop", pod: "cart-0", workload: "cart" },
  destination: { ip: "192.0.2.1", port: 443, name: "pay.example" },
  protocol: "TCP",
  packets: 1,
  bytes: 1,
  replyPackets: 1,
  replyBytes: 1,
  verdict: "allowed",
  reason: "observed",
  generation: 0,
};

describe("matcher", () => {
  it.each<[FlowFilter, boolean]>([
    [{}, true],
    [{ from: "shop/cart-0" }, true],
    [{ from: "shop/cart" }, true],
    [{ from: "other/cart" }, false],
    [{ from: "10.0.0.1" }, true],
    [{ to: "pay.example" }, true],
    [{ to: "shop/cart" }, false],
    [{ namespace: "shop" }, true],
    [{ filter: "src.workload = cart and dst.port in (80, 443)" }, true],
    [{ filter: "src.workload = cart and dst.port in (80, 443)", from: "other/cart" }, false],
    [{ filter: "not dst.ip in 192.0.2.0/24" }, false],
    [{ namespace: "other" }, false],
    [{ port: 443 }, true],
    [{ port: 40_000 }, false],
    [{ protocol: "tcp" }, true],
    [{ protocol: "UDP" }, false],
    [{ verdict: "denied" }, false],
    [{ verdict: "allowed", port: 443, from: "shop/cart", to: "192.0.2.1" }, true],
  ])("%j: %j", (filter, expected) => expect(matcher(filter)(flow)).toBe(expected));

  it("refuses an end that names none", () => {
    expect(() => matcher({ from: "a/b/c" })).toThrow(/NAMESPACE\/POD/);
  });
});
