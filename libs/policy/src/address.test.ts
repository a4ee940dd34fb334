import {
  addressBytes,
  addressFromBytes,
  contains,
  covers,
  everyIPv4,
  formatAddress,
  formatPrefix,
  parseAddress,
  parsePrefix,
} from "./address.ts";

describe("addresses", () => {
  it.each([
    ["10.0.0.1", "10.0.0.1"],
    ["255.255.255.255", "255.255.255.255"],
    ["::", "::"],
    ["::1", "::1"],
    ["fd00:0:0:0:0:0:0:1", "fd00::1"],
    ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["2001:DB8::1", "2001:db8::1"],
    ["1:2:3:4:5:6:7:0", "1:2:3:4:5:6:7:0"],
    ["1:2:3:4:5:6:0:0", "1:2:3:4:5:6::"],
    ["::ffff:10.0.0.1", "10.0.0.1"],
    ["64:ff9b::10.0.0.1", "64:ff9b::a00:1"],
  ])("reads %s", (text, canonical) => {
    const address = parseAddress(text);
    expect(address).toBeDefined();
    expect(formatAddress(address as bigint)).toBe(canonical);
    expect(addressFromBytes(addressBytes(address as bigint))).toBe(address);
  });

  it.each([
    "",
    "10.0.0",
    "10.0.0.256",
    "01.0.0.1",
    "1.2.3.4.5",
    ":::",
    "1::2::3",
    "12345::",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4:5:6:7:8::",
    "fe80::1%eth0",
    "1.2.3.4::",
    "::1.2.3",
  ])("refuses %j", (text) => {
    expect(parseAddress(text)).toBeUndefined();
  });

  it.each([
    ["10.1.2.3/8", "10.0.0.0/8"],
    ["0.0.0.0/0", "0.0.0.0/0"],
    ["::/0", "::/0"],
    ["fd00::1/64", "fd00::/64"],
    ["::ffff:10.0.0.0/104", "10.0.0.0/8"],
  ])("reads %s", (text, canonical) => {
    expect(formatPrefix(parsePrefix(text)!)).toBe(canonical);
  });

  it.each(["10.0.0.0", "10.0.0.0/33", "::/129", "10.0.0.0/08", "10.0.0.0/-1", "/8"])(
    "refuses %j",
    (text) => {
      expect(parsePrefix(text)).toBeUndefined();
    },
  );

  it("keeps the families apart, though one trie holds both", () => {
    const all = parsePrefix("::/0")!;
    expect(covers(all, everyIPv4)).toBe(true);
    expect(contains(all, everyIPv4)).toBe(false);
    expect(contains(everyIPv4, parsePrefix("10.0.0.0/8")!)).toBe(true);
  });
});
