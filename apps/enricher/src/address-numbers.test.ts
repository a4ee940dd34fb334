import { describe, expect, it } from "@jest/globals";
import { AddressNumbers } from "./address-numbers.ts";

/** IPv4 addresses one after the other, and where each is. */
function addressesOf(count: number): DataView {
  const view = new DataView(new ArrayBuffer(count * 16));
  for (let at = 0; at < count; at++) {
    view.setUint16(at * 16 + 10, 0xffff);
    view.setUint32(at * 16 + 12, 0x0a00_0000 + at);
  }
  return view;
}

describe("numbers of addresses", () => {
  it("are given for a time within that for which they were found out, until they are cleared", () => {
    const numbers = new AddressNumbers();
    const addresses = addressesOf(2);
    expect(numbers.get(addresses, 16, 0, 0)).toBeUndefined();
    numbers.set(addresses, 16, 100, 200, 7);
    expect(numbers.get(addresses, 16, 100, 200)).toBe(7);
    expect(numbers.get(addresses, 16, 99, 150)).toBeUndefined();
    expect(numbers.get(addresses, 16, 150, 201)).toBeUndefined();
    expect(numbers.get(addresses, 0, 150, 160)).toBeUndefined();
    numbers.set(addresses, 16, 300, 400, 8);
    expect(numbers.get(addresses, 16, 150, 160)).toBeUndefined();
    expect(numbers.get(addresses, 16, 300, 400)).toBe(8);
    numbers.clear();
    expect(numbers.get(addresses, 16, 300, 400)).toBeUndefined();
  });

  it("are never those of another address, however many there are; most of a large node stay", () => {
    const numbers = new AddressNumbers();
    const addresses = addressesOf(300_000);
    for (let at = 0; at < 300_000; at++) numbers.set(addresses, at * 16, 0, 1, at);
    let others = 0;
    for (let at = 0; at < 300_000; at++) {
      const found = numbers.get(addresses, at * 16, 0, 1);
      if (found !== undefined && found !== at) others++;
    }
    expect(others).toBe(0);
    expect(numbers.get(addresses, 299_999 * 16, 0, 1)).toBe(299_999);
    numbers.clear();
    for (let at = 0; at < 20_000; at++) numbers.set(addresses, at * 16, 0, 1, at);
    let kept = 0;
    for (let at = 0; at < 20_000; at++) if (numbers.get(addresses, at * 16, 0, 1) === at) kept++;
    expect(kept).toBeGreaterThan(19_000);
  });

  it("tell addresses apart by any of their bytes", () => {
    const numbers = new AddressNumbers();
    for (let byte = 0; byte < 16; byte++) {
      const one = new DataView(new ArrayBuffer(16));
      one.setUint8(byte, 1);
      numbers.set(one, 0, 0, 1, byte);
    }
    for (let byte = 0; byte < 16; byte++) {
      const one = new DataView(new ArrayBuffer(16));
      one.setUint8(byte, 1);
      expect([byte, undefined]).toContain(numbers.get(one, 0, 0, 1));
    }
    const none = new DataView(new ArrayBuffer(16));
    expect(numbers.get(none, 0, 0, 1)).toBeUndefined();
  });
});
