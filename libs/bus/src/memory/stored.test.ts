import { spawn } from "node:child_process";
import {
  appendFile,
  mkdtemp,
  readFile,
  readdir,
  rm,
  stat,
  truncate,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Bus, Position } from "../bus.ts";
import { eventually } from "../testing/carriers.ts";
import { createMemoryBus } from "./bus.ts";

const documents = { name: "documents", partitions: 1, compacted: true };
const flows = { name: "flows", partitions: 2, compacted: false };

describe("a memory bus with a directory", () => {
  let directory: string;
  const open: Bus[] = [];

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "weir-bus-"));
  });
  afterEach(async () => {
    await Promise.all(open.splice(0).map((bus) => bus.close()));
    await rm(directory, { recursive: true, force: true });
  });

  const start = async (): Promise<Bus> => {
    const bus = createMemoryBus({ directory, rebalanceTimeoutMs: 200 });
    open.push(bus);
    await bus.ensureTopics([documents, flows]);
    return bus;
  };
  const log = (): string => join(directory, "documents-0.log");

  const table = async (bus: Bus, topic = documents.name): Promise<Record<string, string>> => {
    const state: Record<string, string> = {};
    const reader = await bus.readTable({
      topic,
      onRecord: (key, value) => {
        if (value === null) delete state[key];
        else state[key] = Buffer.from(value).toString();
      },
    });
    await reader.caughtUp;
    await reader.close();
    return state;
  };
  const set = (bus: Bus, key: string, value: string | null): Promise<void> =>
    bus.send(documents.name, [{ key, value: value === null ? null : Buffer.from(value) }]);

  const assigned = async (bus: Bus, topic: string): Promise<Position[]> => {
    let positions: Position[] = [];
    const reader = await bus.readGroup({
      group: "enricher",
      topics: [topic],
      maxBatchMessages: 10,
      onAssigned: (assignment) => {
        ({ positions } = assignment);
      },
      onBatch: () => new Promise(() => undefined),
    });
    await reader.close();
    return positions;
  };

  it("has its compacted topics again after a restart, deletions too, and its offsets go on", async () => {
    const first = await start();
    await set(first, "shop/cart", "one");
    await set(first, "shop/cart", "two");
    await set(first, "shop/é😀", "three");
    await set(first, "gone", "four");
    await set(first, "gone", null);
    await first.send(documents.name, [
      { key: "headed", value: Buffer.from("v"), headers: { a: "b" } },
    ]);
    await first.close();

    const second = await start();
    expect(await table(second)).toEqual({ "shop/cart": "two", "shop/é😀": "three", headed: "v" });
    await set(second, "new", "five");
    const offsets: bigint[] = [];
    await second.readTable({
      topic: documents.name,
      onRecord: (key, _, message) => {
        if (key === "new") offsets.push(message.offset);
        if (key === "headed") expect(message.headers).toEqual({ a: "b" });
      },
    });
    await eventually(() => expect(offsets).toEqual([6n]));
  });

  it("never gives an offset of another topic twice, though their messages are gone", async () => {
    const seen = new Set<bigint>();
    for (let round = 1; round <= 3; round++) {
      const bus = await start();
      const tail: bigint[] = [];
      await bus.readTail({
        topic: flows.name,
        onBatch: ({ messages }) => void tail.push(...messages.map((message) => message.offset)),
      });
      await bus.send(
        flows.name,
        [1, 2, 3].map(() => ({ key: "node", value: Buffer.from("x") })),
      );
      await eventually(() => expect(tail).toHaveLength(3));
      for (const offset of tail) seen.add(offset);
      expect(Number(tail.at(-1))).toBeLessThan(Number.MAX_SAFE_INTEGER);
      expect(seen.size).toBe(3 * round);
      expect(await bus.lag("none", flows.name)).toBe(3n);
      await bus.close();
    }
  });

  it("keeps what groups committed in stored topics, and forgets it for the others", async () => {
    const first = await start();
    await set(first, "a", "1");
    await first.send(flows.name, [{ key: "a", value: null }]);
    for (const topic of [documents.name, flows.name]) {
      const reader = await first.readGroup({
        group: "enricher",
        topics: [topic],
        maxBatchMessages: 10,
        onBatch: async ({ partition, messages }) => {
          const offset = (messages.at(-1)?.offset ?? 0n) + 1n;
          for (let round = 0; round < 20; round++) {
            await reader.commit([{ topic, partition, offset, metadata: `round ${round}` }]);
          }
        },
      });
      await eventually(async () => expect(await first.lag("enricher", topic)).toBe(0n));
    }
    await first.close();

    const second = await start();
    expect(await assigned(second, documents.name)).toEqual([
      { topic: documents.name, partition: 0, offset: 1n, metadata: "round 19" },
    ]);
    for (const { offset } of await assigned(second, flows.name)) expect(offset).toBe(-1n);
  });

  it("reads anew where the topic's file was lost and the position was not", async () => {
    const first = await start();
    for (const value of ["1", "2", "3"]) await set(first, "a", value);
    const reader = await first.readGroup({
      group: "enricher",
      topics: [documents.name],
      maxBatchMessages: 10,
      onBatch: () => Promise.resolve(),
    });
    await reader.commit([{ topic: documents.name, partition: 0, offset: 3n, metadata: "" }]);
    await first.close();
    await rm(log());
    const second = await start();
    expect((await assigned(second, documents.name))[0]?.offset).toBe(-1n);
  });

  it("cuts off a torn last record at any byte and keeps all before it", async () => {
    const first = await start();
    await set(first, "a", "1");
    const { size: one } = await stat(log());
    await set(first, "b", "a longer value, so that there is something to tear");
    const { size: two } = await stat(log());
    await first.close();
    const whole = await readFile(log());
    for (let size = one + 1; size < two; size += 7) {
      await writeFile(log(), whole.subarray(0, size));
      const bus = await start();
      expect(await table(bus)).toEqual({ a: "1" });
      await set(bus, "c", "3");
      await bus.close();
      const again = await start();
      expect(await table(again)).toEqual({ a: "1", c: "3" });
      await again.close();
      await writeFile(log(), whole);
    }
  });

  it("takes garbage after the last record for a torn one", async () => {
    const first = await start();
    await set(first, "a", "1");
    await first.close();
    await appendFile(log(), Buffer.alloc(100, 0xee));
    expect(await table(await start())).toEqual({ a: "1" });
  });

  it("refuses to start over damage in the middle, and says where", async () => {
    const first = await start();
    for (const key of ["a", "b", "c"]) await set(first, key, "1");
    await first.close();
    const bytes = await readFile(log());
    bytes[40] = (bytes[40] as number) ^ 1;
    await writeFile(log(), bytes);
    const second = createMemoryBus({ directory });
    await expect(second.ensureTopics([documents])).rejects.toMatchObject({
      code: "corrupt",
      message: expect.stringMatching(/documents-0\.log is damaged at byte \d+, .* move it away/),
    });
    await second.close();
    expect(await readFile(log())).toEqual(bytes);
  });

  it("refuses a file that is not its own", async () => {
    await writeFile(log(), "kind: NetworkPolicy and more text than the mark has");
    const bus = createMemoryBus({ directory });
    await expect(bus.ensureTopics([documents])).rejects.toMatchObject({ code: "corrupt" });
    await bus.close();
  });

  it("starts over an empty file, as a crash at its making leaves it", async () => {
    await writeFile(log(), "");
    expect(await table(await start())).toEqual({});
    await truncate(log(), 5);
    await Promise.all(open.splice(0).map((bus) => bus.close()));
    expect(await table(await start())).toEqual({});
  });

  it("writes the file anew before it is many times what is alive", async () => {
    const bus = await start();
    const value = Buffer.alloc(64 << 10, 7);
    for (let round = 0; round < 100; round++) {
      await bus.send(documents.name, [{ key: `k${round % 3}`, value }]);
    }
    await set(bus, "deleted", "x");
    await set(bus, "deleted", null);
    expect((await stat(log())).size).toBeLessThan(3 << 20);
    await bus.close();
    const second = await start();
    expect(Object.keys(await table(second)).toSorted()).toEqual(["k0", "k1", "k2"]);
    await set(second, "next", "y");
    await second.close();
    expect(await readdir(directory)).not.toContain("documents-0.log.next");
  });

  it("goes on from the last offset though the last records were deleted and the file written anew", async () => {
    const first = await start();
    const value = Buffer.alloc(512 << 10, 7);
    for (let round = 0; round < 8; round++) await first.send(documents.name, [{ key: "k", value }]);
    await set(first, "k", null);
    for (let round = 0; round < 8; round++) {
      await first.send(documents.name, [{ key: `gone${round}`, value }]);
      await set(first, `gone${round}`, null);
    }
    await first.close();
    const second = await start();
    expect(await table(second)).toEqual({});
    const offsets: bigint[] = [];
    await second.readTail({
      topic: documents.name,
      onBatch: ({ messages }) => void offsets.push(...messages.map((message) => message.offset)),
    });
    await set(second, "next", "1");
    await eventually(() => expect(offsets).toEqual([25n]));
  });

  it("has every record that was acknowledged before kill -9", async () => {
    const script = new URL("../testing/sender.ts", import.meta.url).pathname;
    for (let round = 0; round < 3; round++) {
      const child = spawn(process.execPath, [script, directory], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      let printed = "";
      await new Promise<void>((resolve) => {
        child.stdout.on("data", (chunk: Buffer) => {
          printed += chunk.toString();
          if (printed.split("\n").length > 120 + round * 37) child.kill("SIGKILL");
        });
        child.once("close", () => resolve());
      });
      const acknowledged = Number(printed.slice(0, printed.lastIndexOf("\n")).split("\n").at(-1));
      expect(acknowledged).toBeGreaterThan(100);
      const bus = await start();
      const values = Object.values(await table(bus)).map(Number);
      expect(values).toHaveLength(50);
      expect(Math.max(...values)).toBeGreaterThanOrEqual(acknowledged);
      for (let number = acknowledged - 40; number <= acknowledged; number++) {
        expect(values).toContain(number);
      }
      await bus.close();
      await rm(log());
    }
  });
});
