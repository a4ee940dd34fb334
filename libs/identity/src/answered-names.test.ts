import { parseAddress } from "@weir/codec";
import { AnsweredNames } from "./answered-names.ts";
import type { AnsweredNamesBounds } from "./answered-names.ts";

const bounds: AnsweredNamesBounds = {
  maxEntries: 1000,
  maxEntriesPerClient: 500,
  minTtlMs: 60_000,
  maxTtlMs: 3_600_000,
};

class Table {
  readonly names: AnsweredNames;

  constructor(change: Partial<AnsweredNamesBounds> = {}) {
    this.names = new AnsweredNames({ ...bounds, ...change });
  }

  learn(client: number, atMs: number, name: string, address: string, ttlSeconds = 300): void {
    const addresses = [{ address: parseAddress(address), ttlSeconds }];
    this.names.learn(client, atMs, { name, addresses, leftOut: 0 });
  }

  find(client: number, address: string, atMs: number): string {
    return this.names.pool.text(this.names.find(client, parseAddress(address), 0, atMs));
  }
}

describe("the name that a client asked for", () => {
  it("is its own: others who go there asked for nothing", () => {
    const table = new Table();
    table.learn(7, 1000, "api.example", "198.51.100.1");
    expect(table.find(7, "198.51.100.1", 1000)).toBe("api.example");
    expect(table.find(8, "198.51.100.1", 1000)).toBe("");
    expect(table.find(7, "198.51.100.2", 1000)).toBe("");
    expect(table.find(7, "2001:db8::1", 1000)).toBe("");
  });

  it("is good from the answer on, for as long as the answer says", () => {
    const table = new Table();
    table.learn(7, 1000, "api.example", "198.51.100.1", 120);
    expect(table.find(7, "198.51.100.1", 999)).toBe("");
    expect(table.find(7, "198.51.100.1", 120_999)).toBe("api.example");
    expect(table.find(7, "198.51.100.1", 121_000)).toBe("");
  });

  it("is good for at least the least time, and no longer than the longest", () => {
    const table = new Table();
    table.learn(7, 0, "short.example", "198.51.100.1", 0);
    table.learn(7, 0, "long.example", "198.51.100.2", 4_294_967_295);
    expect(table.find(7, "198.51.100.1", 59_999)).toBe("short.example");
    expect(table.find(7, "198.51.100.1", 60_000)).toBe("");
    expect(table.find(7, "198.51.100.2", 3_599_999)).toBe("long.example");
    expect(table.find(7, "198.51.100.2", 3_600_000)).toBe("");
  });

  it("stays with a connection that outlasts it", () => {
    const table = new Table();
    table.learn(7, 0, "one.example", "198.51.100.1", 60);
    table.learn(7, 200_000, "one.example", "198.51.100.1", 60);
    expect(table.find(7, "198.51.100.1", 10)).toBe("one.example");
    table.learn(7, 300_000, "two.example", "198.51.100.1", 60);
    // Begun before the answer that named another.
    expect(table.find(7, "198.51.100.1", 10)).toBe("one.example");
    expect(table.find(7, "198.51.100.1", 300_000)).toBe("two.example");
  });

  it("goes with the client", () => {
    const table = new Table();
    for (let number = 0; number < 100; number++)
      for (const client of [7, 8]) table.learn(client, 0, `n${number}.example`, `10.0.0.${number}`);
    table.names.forget(7);
    table.names.forget(9);
    expect([table.names.size, table.find(7, "10.0.0.5", 0)]).toEqual([100, ""]);
    expect(table.find(8, "10.0.0.5", 0)).toBe("n5.example");
    expect(table.names.counters.evicted).toBe(0);
  });
});

describe("what there is no room for", () => {
  it("goes in the order in which it was used last, counted", () => {
    const table = new Table({ maxEntries: 3 });
    for (const number of [1, 2, 3]) table.learn(7, 0, `n${number}`, `10.0.0.${number}`);
    table.find(7, "10.0.0.1", 0);
    table.learn(7, 0, "n4", "10.0.0.4");
    expect([1, 2, 3, 4].map((number) => table.find(7, `10.0.0.${number}`, 0))).toEqual([
      "n1",
      "",
      "n3",
      "n4",
    ]);
    expect(table.names.counters.evicted).toBe(1);
  });

  it("is the client's own: one that asks for everything takes nobody's names", () => {
    const table = new Table({ maxEntries: 100, maxEntriesPerClient: 20 });
    table.learn(7, 0, "quiet.example", "198.51.100.1");
    for (let number = 0; number < 250; number++)
      table.learn(8, 0, `n${number}`, `10.0.0.${number}`);
    expect([table.names.size, table.names.counters.evicted]).toEqual([21, 230]);
    expect(table.find(7, "198.51.100.1", 0)).toBe("quiet.example");
  });

  it("texts are held once, and no longer than somebody has them", () => {
    const table = new Table({ maxEntries: 4 });
    for (let number = 0; number < 200; number++) {
      table.learn(number % 3, 0, "same.example", `10.0.0.${number}`);
      table.learn(number % 3, 1, `n${number}`, `10.0.0.${number}`);
    }
    expect(table.names.pool.size).toBe(5);
    expect(table.names.pool.numbersEnd).toBeLessThan(12);
  });
});

describe("against a plain map", () => {
  it("gives the same, whatever is asked, learned and forgotten", () => {
    const table = new Table({ maxEntries: 400, maxEntriesPerClient: 400 });
    const plain = new Map<string, string>();
    let state = 1;
    const next = (end: number): number => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return Math.floor((state / 2 ** 32) * end);
    };
    for (let step = 0; step < 20_000; step++) {
      const [client, address] = [next(4), `10.0.0.${next(90)}`];
      const key = `${client} ${address}`;
      if (next(200) === 0) {
        table.names.forget(client);
        for (const one of plain.keys()) if (one.startsWith(`${client} `)) plain.delete(one);
      } else if (next(2) === 0) {
        const name = `n${next(50)}.example`;
        table.learn(client, step, name, address, 3600);
        plain.set(key, name);
      } else {
        expect([key, table.find(client, address, step)]).toEqual([key, plain.get(key) ?? ""]);
      }
    }
    expect(table.names.size).toBe(plain.size);
    expect(table.names.counters.evicted).toBe(0);
  });
});
