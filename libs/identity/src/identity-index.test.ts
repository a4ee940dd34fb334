import { describe, expect, it } from "@jest/globals";
import { formatAddress, parseAddress } from "@weir/codec";
import type { Workload } from "@weir/codec";
import { AddressTable } from "./address-table.ts";
import { IdentityIndex } from "./identity-index.ts";
import { partyAt, workloadKey } from "./workload-ref.ts";

const SECOND = 1_000_000;

function pod(name: string, address: string, since: number, until: number | null = null): Workload {
  return {
    kind: "pod",
    namespace: "shop",
    name,
    uid: `uid-${name}`,
    workload: name.replace(/-\w+$/, ""),
    workload_kind: "Deployment",
    node: "n1",
    addresses: [parseAddress(address)],
    labels: {},
    namespace_labels: {},
    host_network: false,
    ports: [],
    since,
    until,
  };
}

const A = parseAddress("10.64.1.5");

describe("the identity index", () => {
  it("answers by the time of the event, also when an address is used again within a second", () => {
    const index = new IdentityIndex();
    index.apply(pod("cart-a", "10.64.1.5", 10 * SECOND, 20 * SECOND));
    index.apply(pod("web-b", "10.64.1.5", 20 * SECOND + 300_000));
    expect(index.resolve(A, 10 * SECOND - 1)).toBeUndefined();
    expect(index.resolve(A, 10 * SECOND)?.pod).toBe("cart-a");
    expect(index.resolve(A, 20 * SECOND - 1)?.pod).toBe("cart-a");
    expect(index.resolve(A, 20 * SECOND)).toBeUndefined();
    expect(index.resolve(A, 20 * SECOND + 299_999)).toBeUndefined();
    expect(index.resolve(A, 20 * SECOND + 300_000)?.pod).toBe("web-b");
  });

  it("answers once for a whole period exactly where each of its moments has that answer", () => {
    const index = new IdentityIndex();
    index.apply(pod("cart-a", "10.64.1.5", 2, 5));
    index.apply(pod("web-b", "10.64.1.5", 8));
    index.apply(pod("web-c", "10.64.1.5", 11, 13));
    index.apply({ ...pod("svc", "10.64.1.5", 4, 9), kind: "service" });
    const moments = Array.from({ length: 16 }, (_, at) => at);
    for (const from of moments) {
      for (const until of moments.slice(from)) {
        const answers = new Set(
          moments.slice(from, until + 1).map((at) => index.find(A, 0, at)?.name),
        );
        const once = index.findThroughout(A, 0, from, until);
        const name = once === "varies" ? once : once?.name;
        expect([from, until, name]).toEqual([
          from,
          until,
          answers.size === 1 ? [...answers][0] : "varies",
        ]);
      }
    }
  });

  it("gives an address to its new owner before the old one's end is known", () => {
    const index = new IdentityIndex();
    index.apply(pod("cart-a", "10.64.1.5", 10));
    index.apply(pod("web-b", "10.64.1.5", 50));
    expect(index.resolve(A, 49)?.pod).toBe("cart-a");
    expect(index.resolve(A, 50)?.pod).toBe("web-b");
  });

  it("never gives an address back to who had it before, whose end was not told", () => {
    const index = new IdentityIndex({ tombstoneKeepMs: 1000 });
    index.apply(pod("cart-a", "10.64.1.5", 10));
    index.apply(pod("web-b", "10.64.1.5", 50, 60));
    const gone = [undefined, undefined, "varies"];
    const asked = (): unknown[] => [
      index.resolve(A, 60)?.pod,
      index.findThroughout(A, 0, 60, 90),
      index.findThroughout(A, 0, 40, 90),
    ];
    expect(asked()).toEqual(gone);
    index.prune(3 * SECOND);
    expect(asked()).toEqual([undefined, undefined, undefined]);

    const bounded = new IdentityIndex({ maxPerAddress: 2 });
    bounded.apply(pod("cart-a", "10.64.1.5", 10));
    bounded.apply(pod("web-b", "10.64.1.5", 50, 60));
    bounded.apply(pod("web-c", "10.64.1.5", 70, 80));
    const names = [20, 55, 65, 75, 85].map((at) => bounded.resolve(A, at)?.pod);
    expect(names).toEqual([undefined, "web-b", undefined, "web-c", undefined]);
  });

  it("lets pods win over services, nodes and hosts, and a node answer for its own network", () => {
    const index = new IdentityIndex();
    const node: Workload = {
      ...pod("n1", "10.64.1.5", 0),
      kind: "node",
      namespace: "",
      workload: "n1",
    };
    index.apply(node);
    index.apply({ ...pod("agent", "10.64.1.5", 5), host_network: true });
    expect(index.resolve(A, 100)?.kind).toBe("node");
    index.apply({ ...pod("svc", "10.64.1.5", 1), kind: "service" });
    expect(index.resolve(A, 100)?.kind).toBe("service");
    index.apply(pod("cart-a", "10.64.1.5", 2));
    expect(index.resolve(A, 100)).toMatchObject({ kind: "pod", pod: "cart-a", workload: "cart" });
  });

  it("says unknown for what nobody claimed", () => {
    const index = new IdentityIndex();
    index.apply(pod("cart-a", "fd77::5", 0));
    expect(index.resolve(parseAddress("fd77::6"), 1)).toBeUndefined();
    expect(index.resolve(parseAddress("fd77::5"), 1)?.pod).toBe("cart-a");
  });

  it("follows a workload whose addresses change", () => {
    const index = new IdentityIndex();
    index.apply({ ...pod("cart-a", "10.64.1.5", 0), addresses: [] });
    expect(index.resolve(A, 1)).toBeUndefined();
    index.apply(pod("cart-a", "10.64.1.5", 0));
    expect(index.resolve(A, 1)?.pod).toBe("cart-a");
    index.apply(pod("cart-a", "10.64.1.9", 0));
    expect(index.resolve(A, 1)).toBeUndefined();
    expect([index.size, index.addresses]).toEqual([1, 1]);
  });

  it("keeps the ended for late flows, and forgets them after the window", () => {
    const index = new IdentityIndex({ tombstoneKeepMs: 1000 });
    const cart = pod("cart-a", "10.64.1.5", 10);
    index.applyRecord(workloadKey(cart), cart, 10);
    index.applyRecord(workloadKey(cart), null, 5 * SECOND);
    expect([...index.current()]).toEqual([]);
    index.prune(5 * SECOND + 999_000);
    expect(index.resolve(A, 4 * SECOND)?.pod).toBe("cart-a");
    expect(index.resolve(A, 5 * SECOND)).toBeUndefined();
    index.prune(6 * SECOND + 1);
    expect([index.size, index.addresses, index.counters.prunedTombstones]).toEqual([0, 0, 1]);
  });

  it("is bounded: tombstones go before anything that lives, and it is counted", () => {
    const index = new IdentityIndex({ maxWorkloads: 3, maxPerAddress: 2 });
    index.apply(pod("a", "10.0.0.1", 0, 5));
    index.apply(pod("b", "10.0.0.2", 0));
    index.apply(pod("c", "10.0.0.3", 0));
    index.apply(pod("d", "10.0.0.4", 0));
    expect(index.resolve(parseAddress("10.0.0.1"), 1)).toBeUndefined();
    expect(index.resolve(parseAddress("10.0.0.4"), 1)?.pod).toBe("d");
    index.apply(pod("e", "10.0.0.5", 0));
    expect(index.resolve(parseAddress("10.0.0.5"), 1)).toBeUndefined();
    expect(index.counters.droppedWorkloads).toBe(2);

    const reused = new IdentityIndex({ maxPerAddress: 2 });
    reused.apply(pod("a", "10.0.0.1", 0, 5));
    reused.apply(pod("b", "10.0.0.1", 5, 9));
    reused.apply(pod("c", "10.0.0.1", 9));
    expect(reused.resolve(parseAddress("10.0.0.1"), 1)).toBeUndefined();
    expect(reused.resolve(parseAddress("10.0.0.1"), 6)?.pod).toBe("b");
    expect(reused.counters.droppedPerAddress).toBe(1);
  });

  it("names the listener of a host by its port", () => {
    const index = new IdentityIndex();
    index.apply({
      ...pod("box", "192.0.2.1", 0),
      kind: "host",
      namespace: "",
      workload: "box",
      ports: [{ name: "sshd.service", port: 22, protocol: 6 }],
    });
    const ref = index.resolve(parseAddress("192.0.2.1"), 1);
    if (!ref) throw new Error("not found");
    const names = [
      partyAt(ref, 22, 6),
      partyAt(ref, 22, 17),
      partyAt(ref, 80, 6),
      partyAt(undefined, 80, 6),
    ].map(({ kind, name }) => `${kind}:${name}`);
    expect(names).toEqual(["host:sshd.service", "host:box", "host:box", ":"]);
  });

  it("agrees with a plain search over random histories", () => {
    let state = 7;
    const random = (below: number): number => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
    for (let round = 0; round < 50; round++) {
      const index = new IdentityIndex();
      const all: Workload[] = [];
      for (let count = 0; count < 30; count++) {
        const since = count * 10 + random(9);
        const until = random(3) === 0 ? null : since + random(40);
        const one = pod(`p-${count}`, `10.0.0.${random(4)}`, since, until);
        all.push(one);
        index.apply(one);
      }
      for (let probe = 0; probe < 100; probe++) {
        const address = parseAddress(`10.0.0.${random(5)}`);
        const at = random(350);
        const latest = all.findLast(
          (one) =>
            formatAddress(one.addresses[0] as Uint8Array) === formatAddress(address) &&
            one.since <= at,
        );
        const expected = latest && at < (latest.until ?? Infinity) ? latest.name : undefined;
        expect(index.resolve(address, at)?.pod).toBe(expected);
      }
    }
  });
});

describe("the address table", () => {
  it("keeps many neighbours apart, and finds them inside a longer buffer", () => {
    const table = new AddressTable<number>();
    const rows = new Uint8Array(16 * 5000);
    for (let row = 0; row < 5000; row++) {
      const address = parseAddress(`10.64.${row >> 8}.${row & 255}`);
      rows.set(address, row * 16);
      table.set(address, row);
    }
    for (let row = 0; row < 5000; row += 2) table.delete(rows.subarray(row * 16, row * 16 + 16));
    for (let row = 0; row < 5000; row++) {
      expect(table.get(rows, row * 16)).toBe(row % 2 === 0 ? undefined : row);
    }
    expect(table.size).toBe(2500);
  });
});
