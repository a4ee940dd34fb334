import ipaddr from "ipaddr.js";
import {
  AddressError,
  formatAddress,
  formatCidr,
  isIPv4,
  maskAddress,
  parseAddress,
  parseCidr,
} from "./address.ts";
import { random } from "./testing/random.ts";

describe("addresses", () => {
  it.each([
    ["10.0.0.1", "00000000000000000000ffff0a000001", "10.0.0.1"],
    ["0.0.0.0", "00000000000000000000ffff00000000", "0.0.0.0"],
    ["::ffff:1.2.3.4", "00000000000000000000ffff01020304", "1.2.3.4"],
    ["::1.2.3.4", "00000000000000000000000001020304", "::102:304"],
    ["64:ff9b::192.0.2.33", "0064ff9b0000000000000000c0000221", "64:ff9b::c000:221"],
    ["::", "00000000000000000000000000000000", "::"],
    ["::1", "00000000000000000000000000000001", "::1"],
    ["2001:DB8::", "20010db8000000000000000000000000", "2001:db8::"],
    ["2001:db8:0:1:1:1:1:1", "20010db8000000010001000100010001", "2001:db8:0:1:1:1:1:1"],
    ["2001:0:0:1:0:0:0:1", "20010000000000010000000000000001", "2001:0:0:1::1"],
    ["2001:db8::1:0:0:1", "20010db8000000000001000000000001", "2001:db8::1:0:0:1"],
    ["fe80::", "fe800000000000000000000000000000", "fe80::"],
    ["1:2:3:4:5:6:7::", "00010002000300040005000600070000", "1:2:3:4:5:6:7:0"],
  ])("%s", (text, hex, shown) => {
    const bytes = parseAddress(text);
    expect(Buffer.from(bytes).toString("hex")).toBe(hex);
    expect(formatAddress(bytes)).toBe(shown);
  });

  it("read back as ipaddr.js reads them, whatever the bytes", () => {
    const chance = random(3);
    for (let round = 0; round < 3000; round++) {
      const bytes = chance.bytes(16).map((byte) => (chance.integer(2) === 0 ? 0 : byte));
      if (chance.integer(4) === 0) bytes.set([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]);
      const text = formatAddress(bytes);
      expect(parseAddress(text)).toEqual(bytes);
      const theirs = new ipaddr.IPv6([...bytes]);
      if (!isIPv4(bytes)) expect(text).toBe(theirs.toRFC5952String());
      else expect(text).toBe(theirs.toIPv4Address().toString());
    }
  });

  it("are formatted in the middle of a column", () => {
    const column = new Uint8Array(48);
    column.set(parseAddress("192.0.2.7"), 16);
    expect(formatAddress(column, 16)).toBe("192.0.2.7");
    expect(formatAddress(column, 32)).toBe("::");
  });

  it.each([
    "",
    "10.0.0",
    "010.0.0.1",
    "0x7f.0.0.1",
    "127.1",
    "1.2.3.256",
    " 1.2.3.4",
    "fe80::1%eth0",
    ":::",
    "1::2::3",
    "12345::",
    "1.2.3.4/8",
    "::1\n",
  ])("%j is none", (text) => {
    expect(() => parseAddress(text)).toThrow(AddressError);
  });

  it("are shown escaped and shortened in errors", () => {
    expect(() => parseAddress("\u001b[31m")).toThrow('"\\u001b[31m" is no IPv4 or IPv6 address');
    expect(() => parseAddress("x".repeat(5000))).toThrow(/^"x{60}\.\.\."/);
  });
});

describe("CIDRs", () => {
  it.each([
    ["10.1.2.3/8", "10.0.0.0/8", 104],
    ["0.0.0.0/0", "0.0.0.0/0", 96],
    ["10.1.2.3/32", "10.1.2.3/32", 128],
    ["2001:db8:ffff::/33", "2001:db8:8000::/33", 33],
    ["::/0", "::/0", 0],
    ["::ffff:10.0.0.0/104", "10.0.0.0/8", 104],
    ["::1/128", "::1/128", 128],
  ])("%s", (text, shown, prefixBits) => {
    const cidr = parseCidr(text);
    expect(cidr.prefixBits).toBe(prefixBits);
    expect(formatCidr(cidr)).toBe(shown);
    expect(maskAddress(cidr.addr, prefixBits)).toEqual(cidr.addr);
  });

  it.each([
    "10.0.0.0",
    "10.0.0.0/33",
    "::/129",
    "10.0.0.0/",
    "10.0.0.0/-1",
    "10.0.0.0/08",
    "10.0.0.0/8 ",
    "/8",
    "10.0.0.0/8/8",
    "10.0.0.0/1e1",
  ])("%j is none", (text) => {
    expect(() => parseCidr(text)).toThrow(AddressError);
  });
});
