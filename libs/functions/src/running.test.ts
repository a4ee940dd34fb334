import { afterEach, describe, expect, it } from "@jest/globals";
import { createMemoryBus, partitionOf, topics } from "@weir/bus";
import type { Bus, GroupReader, Message, OutgoingMessage, Position } from "@weir/bus";
import { deadLetterCodec } from "@weir/codec";
import { createMetrics, silentLog } from "@weir/runtime";
import type { Metrics } from "@weir/runtime";
import type { FunctionBatch, FunctionContext, StreamFunction } from "./contract.ts";
import { BadMessage, defineFunction } from "./define.ts";
import { startFunction } from "./running.ts";
import type { RunningFunction } from "./running.ts";

const INPUT = "in.v1";
const OUTPUT = "out.v1";
const log = silentLog();
const text = (message: Message): string => new TextDecoder().decode(message.value ?? undefined);
const out = (...values: string[]): OutgoingMessage[] =>
  values.map((value) => ({ key: "k", value: new TextEncoder().encode(value) }));

type Handle = (batch: FunctionBatch, context: FunctionContext) => Promise<void>;

function define(
  handle: Handle,
  bounds: Partial<StreamFunction<Handle>["batch"]> = {},
): StreamFunction<null> {
  return defineFunction<null>({
    name: "probe",
    input: INPUT,
    outputs: [OUTPUT],
    batch: { maxMessages: 4, maxBytes: 1e6, maxWaitMs: 5, ...bounds },
    retry: { maxAttempts: 2, firstDelayMs: 1, maxDelayMs: 4 },
    start: () => ({ handle }),
  });
}

const opened: { bus: Bus; running: RunningFunction[] }[] = [];
afterEach(async () => {
  for (const { bus, running } of opened.splice(0)) {
    await Promise.all(running.map((one) => one.stop()));
    await bus.close();
  }
});

async function openBus(partitions = 1): Promise<{
  bus: Bus;
  metrics: Metrics;
  start: (definition: StreamFunction<null>, through?: Bus) => Promise<RunningFunction>;
  letters: () => Promise<ReturnType<typeof deadLetterCodec.decode>[]>;
}> {
  const bus = createMemoryBus();
  const metrics = createMetrics("test");
  await bus.ensureTopics([
    { name: INPUT, partitions, compacted: false },
    { name: OUTPUT, partitions: 1, compacted: false },
    topics.deadLetters,
  ]);
  const entry = { bus, running: [] as RunningFunction[] };
  opened.push(entry);
  return {
    bus,
    metrics,
    async start(definition, through = bus) {
      const running = await startFunction(definition, {
        bus: through,
        services: null,
        log,
        metrics,
        stopTimeoutMs: 300,
      });
      entry.running.push(running);
      return running;
    },
    async letters() {
      const found: ReturnType<typeof deadLetterCodec.decode>[] = [];
      const reader = await bus.readTable({
        topic: topics.deadLetters.name,
        onRecord: (_key, value) => found.push(deadLetterCodec.decode(value as Uint8Array)),
      });
      await reader.caughtUp;
      await reader.close();
      return found;
    },
  };
}

async function until(wanted: () => boolean): Promise<void> {
  while (!wanted()) await new Promise((resolve) => setTimeout(resolve, 2));
}

describe("a running function", () => {
  it("hands over every message once, in order, and commits", async () => {
    const { bus, start, metrics } = await openBus();
    const got: string[] = [];
    const running = await start(
      define(async ({ messages }) => void got.push(...messages.map(text))),
    );
    const values = Array.from({ length: 25 }, (_, at) => `m${at}`);
    for (const value of values) await bus.send(INPUT, out(value));
    expect(await running.drain(5000)).toBe(true);
    expect(got).toEqual(values);
    expect(await running.lag()).toBe(0n);
    expect(await metrics.value("received_total", { part: "probe" })).toBe(25);
    expect(await metrics.value("sent_total", { part: "probe" })).toBe(25);
    expect(running.check()).toMatchObject({ ok: true });
  });

  it("handles what is queued when it is stopped, and a later one goes on from there", async () => {
    const { bus, start } = await openBus();
    const got: string[] = [];
    const definition = define(async ({ messages }) => void got.push(...messages.map(text)), {
      maxWaitMs: 60_000,
      maxMessages: 100,
    });
    const first = await start(definition);
    await bus.send(INPUT, out("a", "b"));
    await first.stop();
    await bus.send(INPUT, out("c"));
    await (await start(definition)).stop();
    const last = await start({ ...definition, batch: { ...definition.batch, maxWaitMs: 1 } });
    await last.drain(2000);
    expect(got).toEqual(["a", "b", "c"]);
  });

  it("retries a batch that fails until it works, and says where it stands meanwhile", async () => {
    const { bus, start, metrics } = await openBus(2);
    let broken = true;
    const got: string[] = [];
    const running = await start(
      define(async ({ messages }) => {
        if (broken && messages.some((message) => message.key === "bad"))
          throw new Error("store is away");
        got.push(...messages.map(text));
      }),
    );
    const keyOf = (partition: number): string =>
      ["k0", "k1", "k2", "k3", "k4"].find((key) => partitionOf(key, 2) === partition) ?? "";
    await bus.send(INPUT, [{ key: "bad", value: new TextEncoder().encode("x") }]);
    await until(() => running.status().halted.length === 1);
    expect(running.check()).toMatchObject({
      ok: false,
      detail: expect.stringContaining("store is away") as unknown,
    });
    for (const partition of [0, 1])
      await bus.send(INPUT, [
        { key: keyOf(partition), value: new TextEncoder().encode(`p${partition}`) },
      ]);
    await until(() => got.length > 0);
    expect(got).toHaveLength(1);
    broken = false;
    await running.drain(2000);
    expect([...got].sort()).toEqual(["p0", "p1", "x"]);
    expect(running.check().ok).toBe(true);
    expect(await metrics.value("errors_total", { part: "probe", code: "handler" })).toBeGreaterThan(
      1,
    );
  });

  it("sets aside what the handler refuses, with place and reason, and stores the neighbours", async () => {
    const { bus, start, letters } = await openBus();
    const stored: string[] = [];
    const running = await start(
      define(async ({ messages }, context) => {
        const worst = messages.find((message) => text(message) === "worst");
        if (worst) throw new BadMessage(worst, "not even a frame");
        for (const message of messages) {
          if (text(message) === "bad") await context.deadLetter(message, "unknown schema");
          else stored.push(text(message));
        }
      }),
    );
    await bus.send(INPUT, out("a", "bad", "worst", "b"));
    await running.drain(2000);
    expect(stored).toEqual(["a", "b"]);
    const found = (await letters()).sort((one, two) => one.offset - two.offset);
    expect(found).toMatchObject([
      { topic: INPUT, partition: 0, offset: 1, function: "probe", reason: "unknown schema" },
      { topic: INPUT, partition: 0, offset: 2, function: "probe", reason: "not even a frame" },
    ]);
    expect(new TextDecoder().decode(found[1]?.value ?? undefined)).toBe("worst");
  });

  it("awaits what a handler emits, and refuses topics it does not declare", async () => {
    const { bus, start } = await openBus();
    const errors: string[] = [];
    const running = await start(
      define(async ({ messages }, context) => {
        void context.emit(OUTPUT, out(...messages.map((message) => `${text(message)}!`)));
        await context.emit("elsewhere", []).catch((error: Error) => errors.push(error.message));
      }),
    );
    const echoed: string[] = [];
    const tail = await bus.readTable({
      topic: OUTPUT,
      onRecord: (_key, _value, message) => echoed.push(text(message)),
    });
    await bus.send(INPUT, out("a"));
    await running.drain(2000);
    await until(() => echoed.length === 1);
    expect(echoed).toEqual(["a!"]);
    expect(errors).toEqual(["probe does not declare the output elsewhere"]);
    await tail.close();
  });

  it("holds the carrier back while the handler is slow", async () => {
    const { bus, start } = await openBus();
    let release = (): void => {};
    const gate = new Promise<void>((resolve) => (release = resolve));
    const running = await start(define(() => gate));
    for (let at = 0; at < 200; at++) await bus.send(INPUT, out(`m${at}`));
    await until(() => running.status().queuedMessages >= 8);
    await new Promise((resolve) => setTimeout(resolve, 30));
    // Twice a batch, and the one bus batch that filled it.
    expect(running.status().queuedMessages).toBeLessThanOrEqual(12);
    release();
    expect(await running.drain(5000)).toBe(true);
  });
});

/** A bus whose process can be made to die: nothing that is asked for afterwards takes effect. */
function mortal(bus: Bus): {
  bus: Bus;
  kill: () => Promise<void>;
  commits: Position[];
  dieAt: (when: (position: Position) => boolean) => void;
} {
  let dead = false;
  let deadly: (position: Position) => boolean = () => false;
  const readers: GroupReader[] = [];
  const commits: Position[] = [];
  const forever = new Promise<never>(() => {});
  const through = new Proxy(bus, {
    get(target, property) {
      if (property !== "readGroup") {
        const value: unknown = Reflect.get(target, property, target);
        return typeof value === "function" ? (value.bind(target) as unknown) : value;
      }
      return async (options: Parameters<Bus["readGroup"]>[0]) => {
        const reader = await target.readGroup({
          ...options,
          onBatch: (batch) => (dead ? Promise.resolve() : options.onBatch(batch)),
        });
        readers.push(reader);
        return {
          commit(positions: Position[]) {
            if (positions.some(deadly)) dead = true;
            if (dead) return forever;
            commits.push(...positions);
            return reader.commit(positions);
          },
          close: () => (dead ? forever : reader.close()),
          [Symbol.asyncDispose]: () => reader.close(),
        };
      };
    },
  });
  return {
    bus: through,
    commits,
    dieAt: (when) => (deadly = when),
    async kill() {
      dead = true;
      await Promise.all(readers.map((reader) => reader.close()));
    },
  };
}

describe("after a crash between the sink's acknowledgement and the commit", () => {
  it("hands over the very same batch under the same token, so that a row is stored once", async () => {
    const { bus, start, metrics } = await openBus();
    const stored = new Map<string, string[]>();
    const refused: string[] = [];
    const batches: { token: string; replayed: boolean; values: string[] }[] = [];
    const handle: Handle = async ({ messages, token, replayed }) => {
      const values = messages.map(text);
      batches.push({ token, replayed, values });
      if (stored.has(token)) refused.push(token);
      else stored.set(token, values);
    };
    const victim = mortal(bus);
    // Dies at the commit that would say the second batch is done.
    let done = 0;
    victim.dieAt((position) => position.metadata === "" && ++done === 2);
    void startFunction(define(handle, { maxMessages: 3 }), {
      bus: victim.bus,
      services: null,
      log,
      metrics,
    });
    await bus.send(INPUT, out("a", "b", "c"));
    await until(() => batches.length === 1);
    await bus.send(INPUT, out("d", "e"));
    await until(() => batches.length === 2 && done === 2);
    await victim.kill();
    await bus.send(INPUT, out("f", "g"));
    const running = await start(define(handle, { maxMessages: 100 }));
    expect(await running.drain(3000)).toBe(true);
    expect(batches[2]).toEqual({ token: `${INPUT}:0:3-4`, replayed: true, values: ["d", "e"] });
    expect(refused).toEqual([`${INPUT}:0:3-4`]);
    expect([...stored.values()].flat()).toEqual(["a", "b", "c", "d", "e", "f", "g"]);
    expect(await metrics.value("replays_total", { part: "probe" })).toBe(1);
  });

  it("loses nothing and stores nothing twice, wherever in a run it dies", async () => {
    for (let fatal = 1; fatal <= 12; fatal++) {
      const { bus, start } = await openBus();
      const stored = new Map<string, string[]>();
      const handle: Handle = async ({ messages, token }) => {
        if (!stored.has(token)) stored.set(token, messages.map(text));
      };
      const victim = mortal(bus);
      let commits = 0;
      victim.dieAt(() => ++commits === fatal);
      void startFunction(define(handle, { maxMessages: 1 + (fatal % 3) }), {
        bus: victim.bus,
        services: null,
        log,
        metrics: createMetrics("x"),
      });
      const values = Array.from({ length: 14 }, (_, at) => `m${at}`);
      await bus.send(INPUT, out(...values.slice(0, 9)));
      await until(() => commits >= fatal || [...stored.values()].flat().length === 9);
      await victim.kill();
      await bus.send(INPUT, out(...values.slice(9)));
      const running = await start(define(handle, { maxMessages: 2 + (fatal % 4) }));
      expect(await running.drain(3000)).toBe(true);
      expect([...stored.values()].flat()).toEqual(values);
    }
  });
});
