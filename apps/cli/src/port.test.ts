import { describe, expect, it } from "@jest/globals";
import { parsePort } from "./port.ts";

describe("parsePort", () => {
  it.each([
    ["80/TCP", 80, "TCP"],
    ["53/udp", 53, "UDP"],
    ["443", 443, "TCP"],
    ["65535/SCTP", 65_535, "SCTP"],
    ["ICMP", 0, "ICMP"],
    ["0/icmpv6", 0, "ICMPv6"],
  ])("reads %s", (text, port, protocol) => {
    expect(parsePort(text)).toEqual({ port, protocol });
  });

  it.each(["", "TCP", "0/TCP", "65536/TCP", "-1/TCP", "80/QUIC", "1e3/TCP", "__proto__"])(
    "refuses %j with an example",
    (text) => {
      expect(() => parsePort(text)).toThrow(/give one like 80\/TCP/);
    },
  );
});
