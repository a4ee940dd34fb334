import { protocolName } from "./protocol-name.ts";

it.each([
  [6, "TCP"],
  [58, "ICMPv6"],
  [136, "UDPLite"],
  [253, "253"],
])("protocol %d is written %s", (number, text) => expect(protocolName(number)).toBe(text));
