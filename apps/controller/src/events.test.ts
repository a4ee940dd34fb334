import type { Bus } from "@weir/bus";
import { eventCodec } from "@weir/codec";
import type { Event } from "@weir/codec";
import { createMetrics, silentLog } from "@weir/runtime";
import { Events } from "./events.ts";

/** A bus of which the test says when it takes what it was sent, and whether. */
function slowBus(): { bus: Bus; told: Event[]; settle: (isTaken: boolean) => Promise<void> } {
  const told: Event[] = [];
  let waiting: ((isTaken: boolean) => void)[] = [];
  const send: Bus["send"] = (_topic, messages) =>
    new Promise((taken, refused) => {
      waiting.push((isTaken) => {
        if (!isTaken) return refused(new Error("the bus is away"));
        told.push(...messages.map(({ value }) => eventCodec.decode(value as Uint8Array)));
        taken();
      });
    });
  return {
    bus: { send } as Bus,
    told,
    settle: async (isTaken) => {
      const some = waiting;
      waiting = [];
      for (const one of some) one(isTaken);
      await new Promise((next) => setImmediate(next));
    },
  };
}

const begin = Date.now();
const events = (bus: Bus): Events =>
  new Events(bus, silentLog(), createMetrics("controller").part("events"));
const tell = (to: Events, count: number): void => {
  for (let at = 0; at < count; at++) to.tell({ kind: "policy-error", text: String(at) });
};
const leftOut = (told: Event[]): Event[] => told.filter(({ kind }) => kind === "events-left-out");

it("says in an event of its own how many found no room, once there is some", async () => {
  const { bus, told, settle } = slowBus();
  const to = events(bus);
  tell(to, 137);
  expect(told).toEqual([]);
  await settle(true);
  expect(told).toHaveLength(100);
  await settle(true);
  const [said] = leftOut(told);
  expect(said?.fields["count"]).toBe("37");
  expect(Date.parse(said?.fields["since"] ?? "")).toBeGreaterThanOrEqual(begin);
  expect(told).toHaveLength(101);
  to.close();
});

it("says it with the next that goes through, where the bus was away, and counts none twice", async () => {
  const { bus, told, settle } = slowBus();
  const to = events(bus);
  tell(to, 3);
  await settle(false);
  tell(to, 1);
  await settle(true);
  // What stands for the three is refused as well, and what found no room meanwhile comes to it.
  tell(to, 102);
  await settle(false);
  expect(leftOut(told)).toEqual([]);
  tell(to, 1);
  await settle(true);
  await settle(true);
  expect(leftOut(told).map(({ fields }) => fields["count"])).toEqual(["105"]);
  await settle(true);
  expect(told).toHaveLength(3);
  to.close();
});
