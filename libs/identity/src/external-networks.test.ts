import { parseAddress } from "@weir/codec";
import { ExternalNetworks, NetworkListError } from "./external-networks.ts";

const nameOf = (networks: ExternalNetworks, address: string): string | undefined =>
  networks.find(parseAddress(address))?.name;

describe("names of networks", () => {
  const networks = ExternalNetworks.parse(`
# who we buy from
203.0.113.0/24     partner bank   # since March
203.0.113.128/25   partner bank, cards
203.0.113.200      the terminal
2001:db8:7::/48    provider
0.0.0.0/0          the internet
`);

  it.each([
    ["203.0.113.1", "partner bank"],
    ["203.0.113.129", "partner bank, cards"],
    ["203.0.113.200", "the terminal"],
    ["203.0.113.201", "partner bank, cards"],
    ["203.0.114.1", "the internet"],
    ["2001:db8:7::1", "provider"],
    ["2001:db8:8::1", undefined],
  ])("%s is %s", (address, name) => expect(nameOf(networks, address)).toBe(name));

  it("of one name are one party, as rows share them", () => {
    const two = ExternalNetworks.parse("10.0.0.0/8 ours\n192.168.0.0/16 ours");
    expect(two.size).toBe(2);
    expect(two.find(parseAddress("10.1.1.1"))).toBe(two.find(parseAddress("192.168.1.1")));
    expect(new ExternalNetworks().find(parseAddress("10.1.1.1"))).toBeUndefined();
  });

  it.each([
    ["10.0.0.0/8", "line 1: write a network and its name"],
    ["# fine\n10.0.0.0/33 x", "line 2: "],
    ["10.0.0.0.0/8 x", "line 1: "],
    ["localhost x", "line 1: "],
    [`10.0.0.0/8 ${"x".repeat(254)}`, "line 1: write"],
  ])("%j is refused", (text, why) => {
    expect(() => ExternalNetworks.parse(text)).toThrow(NetworkListError);
    expect(() => ExternalNetworks.parse(text)).toThrow(why);
  });

  it("are found as a walk over all of them finds them", () => {
    let state = 7;
    const next = (end: number): number => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return Math.floor((state / 2 ** 32) * end);
    };
    const octets = (): number[] => [10, next(3), next(4), next(256)];
    const lines = Array.from({ length: 400 }, (_, index) => {
      const bits = 8 + next(25);
      return { bits, address: octets(), name: `n${index}` };
    });
    const value = (address: number[]): number =>
      address.reduce((sum, octet) => sum * 256 + octet, 0);
    const many = ExternalNetworks.parse(
      lines.map((one) => `${one.address.join(".")}/${one.bits} ${one.name}`).join("\n"),
    );
    for (let asked = 0; asked < 2000; asked++) {
      const address = octets();
      const size = (bits: number): number => 2 ** (32 - bits);
      const best = lines
        .filter(
          (one) =>
            Math.floor(value(one.address) / size(one.bits)) ===
            Math.floor(value(address) / size(one.bits)),
        )
        // Of the same network twice, the later line.
        .reduce<(typeof lines)[number] | undefined>(
          (found, one) => (found === undefined || one.bits >= found.bits ? one : found),
          undefined,
        );
      expect([address, nameOf(many, address.join("."))]).toEqual([address, best?.name]);
    }
  });
});
