import { describe, expect, it } from "@jest/globals";
import type { FlowLine } from "@weir/api";
import { isSignalling } from "./print-flows.ts";

const line = (protocol: string, from: string, to: string): FlowLine =>
  ({ protocol, source: { ip: from }, destination: { ip: to } }) as FlowLine;

describe("what weir up prints", () => {
  it.each([
    ["ICMPv6", "fd77::5", "ff02::1:ff00:1"],
    ["ICMPv6", "fe80::1", "fd77::5"],
    ["ICMP", "10.64.1.2", "224.0.0.22"],
  ])("leaves out %s from %s to %s", (...given) => {
    expect(isSignalling(line(...given))).toBe(true);
  });

  it.each([
    ["ICMP", "10.64.1.2", "10.64.1.3"],
    ["ICMPv6", "fd77::5", "fd77::6"],
    ["UDP", "10.64.1.2", "224.0.0.251"],
    ["TCP", "fe80::1", "fe80::2"],
  ])("shows %s from %s to %s", (...given) => {
    expect(isSignalling(line(...given))).toBe(false);
  });
});
