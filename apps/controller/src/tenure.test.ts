import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { createMemoryBus, topics } from "@weir/bus";
import type { Bus } from "@weir/bus";
import { controllerClaimCodec } from "@weir/codec";
import { createMetrics, silentLog } from "@weir/runtime";
import { processMark } from "./process-mark.ts";
import { Tenure } from "./tenure.ts";

let bus: Bus;
let keys: Set<string>;
const open: Tenure[] = [];
beforeEach(async () => {
  bus = createMemoryBus();
  await bus.ensureTopics(Object.values(topics));
  keys = new Set();
  await bus.readTable({
    topic: topics.controllers.name,
    onRecord: (key, value) => void (value === null ? keys.delete(key) : keys.add(key)),
  });
});
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
  await bus.close();
});

/** `staleMs` is long where nobody is to be taken for silent. */
function tenure(through: Pick<Bus, "send"> = bus, staleMs = 60_000): Tenure {
  const send: Bus["send"] = (topic, messages) => through.send(topic, messages);
  const doors = { readTable: bus.readTable.bind(bus), send } as Bus;
  const counters = createMetrics("controller").part("tenure");
  const one = new Tenure({ bus: doors, log: silentLog(), counters, beatMs: 10, staleMs });
  open.push(one);
  return one;
}

async function claim(host: string, process: string): Promise<void> {
  const value = controllerClaimCodec.encode({ id: "other", host, process, beat: 7 });
  await bus.send(topics.controllers.name, [{ key: "other", value }]);
}

async function holds(taking: Promise<void>): Promise<boolean> {
  return Promise.race([taking.then(() => true), sleep(100, false)]);
}

describe("the tenure of a controller", () => {
  it("is the first one's until that one stops", async () => {
    const [first, second] = [tenure(), tenure()];
    await first.take();
    const waiting = second.take();
    expect(await holds(waiting)).toBe(false);
    first.check();
    await first.close();
    await waiting;
    second.check();
    expect(keys.size).toBe(1);
  });

  it("is one's of several that begin at once", async () => {
    const taking = [tenure(), tenure(), tenure()].map((one) => one.take());
    const outcomes = await Promise.all(taking.map(holds));
    expect(outcomes.filter((one) => one)).toHaveLength(1);
    for (const one of taking) one.catch(() => {});
  });

  it("passes over who died on this machine, at once, and takes the claim away", async () => {
    const mark = processMark().split(" ");
    await claim("elsewhere", [...mark.slice(0, 3), "1"].join(" "));
    await tenure().take();
    while (keys.has("other")) await sleep(5);
  });

  it("waits for one of another machine until it has been silent for long", async () => {
    await claim("elsewhere", "boot 1 1 1");
    const began = performance.now();
    await tenure(bus, 300).take();
    expect(performance.now() - began).toBeGreaterThanOrEqual(300);
  });

  it("takes one of another container for alive, whose process cannot be seen from here", async () => {
    const [boot = ""] = processMark().split(" ");
    await claim("elsewhere", `${boot} 1 1 1`);
    const waiting = tenure().take();
    expect(await holds(waiting)).toBe(false);
    waiting.catch(() => {});
  });

  it("ends for who was cut off: at first it is not sure, then it has heard of the next one", async () => {
    let isAway = false;
    const send: Bus["send"] = (...message) =>
      isAway ? Promise.reject(new Error("away")) : bus.send(...message);
    const first = tenure({ send }, 200);
    await first.take();
    first.check();
    isAway = true;
    const second = tenure(bus, 400);
    const waiting = second.take();
    const isSure = (): boolean => {
      try {
        first.check();
        return true;
      } catch {
        return false;
      }
    };
    while (isSure()) await sleep(5);
    await waiting;
    second.check();
    isAway = false;
    await sleep(50);
    expect(isSure()).toBe(false);
    expect(() => first.check()).toThrow(/has taken over while this one was silent/);
    second.check();
  });

  it("is not taken by who is closed while waiting", async () => {
    await tenure().take();
    const second = tenure();
    const waiting = second.take();
    expect(await holds(waiting)).toBe(false);
    await second.close();
    await expect(waiting).rejects.toThrow(/stopped while another controller was publishing/);
  });
});
