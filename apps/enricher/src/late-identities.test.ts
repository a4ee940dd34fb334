import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import type { Message } from "@weir/bus";
import { IdentityIndex } from "@weir/identity";
import { createMetrics } from "@weir/runtime";
import type { Metrics } from "@weir/runtime";
import { LateIdentities } from "./late-identities.ts";
import { block, flow, pod } from "./testing/messages.ts";

/** Longer than any test: what waits for it fails. */
const hourMs = 3_600_000;
const never = new AbortController().signal;

let identity: IdentityIndex;
let metrics: Metrics;
beforeEach(() => {
  identity = new IdentityIndex();
  metrics = createMetrics("enricher");
});
const open: LateIdentities[] = [];
afterEach(() => {
  for (const one of open.splice(0)) one.close();
});

function late(windowMs: number, podNetworks: string[] = [], headStartMs = 0): LateIdentities {
  const one = new LateIdentities({ identity, headStartMs, windowMs, podNetworks, metrics });
  open.push(one);
  return one;
}

/** A message with one flow. */
function sent(
  source: string,
  destination: string,
  direction: "egress" | "ingress" = "egress",
  timestampMs = Date.now(),
): Message {
  const { key, value } = block(1, [flow(source, destination, { direction })]);
  return { topic: "t", partition: 0, offset: 0n, key, value, timestampMs, headers: {} };
}

async function counted(name: string): Promise<number> {
  const line = (await metrics.text())
    .split("\n")
    .find((one) => one.startsWith(`weir_enricher_${name}`));
  return Number(line?.split(" ").at(-1) ?? 0);
}

/** True where it still waits once everything that can happen by itself has happened. */
async function waits(waiting: Promise<void>): Promise<boolean> {
  const rest = new Promise<boolean>((resolve) => setTimeout(() => resolve(true), 100));
  return Promise.race([waiting.then(() => false), rest]);
}

describe("flows", () => {
  it.each([
    ["whose ends are known", "10.0.0.1", "10.0.0.1", "egress"],
    ["of a pod with somebody outside", "10.0.0.1", "203.0.113.7", "egress"],
    ["of somebody outside with a pod", "203.0.113.7", "10.0.0.1", "ingress"],
    ["of addresses that no pod has", "fe80::1", "ff02::1", "egress"],
    ["of an address that is none yet", "0.0.0.0", "255.255.255.255", "egress"],
    ["of a machine with itself", "127.0.0.1", "127.0.0.1", "ingress"],
    ["of an address that it gave itself", "169.254.3.4", "10.0.0.1", "egress"],
  ] as const)("%s wait for nobody", async (_, source, destination, direction) => {
    identity.apply(pod("app-a", "10.0.0.1", 1));
    const message = sent(source, destination, direction);
    await late(hourMs, ["10.0.0.0/8"]).wait([message], never);
    expect(await counted("identity_waits_total")).toBe(0);
  });

  it("give the news a head start, whoever is known", async () => {
    identity.apply(pod("app-a", "10.0.0.1", 1));
    const waiting = late(0, [], 500).wait([sent("10.0.0.1", "10.0.0.1")], never);
    expect(await waits(waiting)).toBe(true);
    await waiting;
    await late(0, [], hourMs).wait([sent("10.0.0.1", "10.0.0.1", "egress", 1)], never);
  });

  it("that lay on the bus for longer than the window wait for nobody", async () => {
    const message = sent("10.0.0.1", "10.0.0.2", "egress", Date.now() - 2 * hourMs);
    await late(hourMs).wait([message], never);
    expect(await counted("identity_waits_total")).toBe(0);
  });

  it.each([
    ["who was seen at the own interface", "10.0.0.1", "203.0.113.7", "egress", []],
    ["who was called at the own interface", "203.0.113.7", "10.0.0.1", "ingress", []],
    ["who is in a network of pods", "10.0.0.2", "10.0.0.1", "egress", ["10.0.0.0/8"]],
  ] as const)("wait for %s", async (_, source, destination, direction, networks) => {
    identity.apply(pod("app-b", "10.0.0.2", 1));
    const waiting = late(hourMs, [...networks]).wait([sent(source, destination, direction)], never);
    expect(await waits(waiting)).toBe(true);
    // Somebody else's news, and news of a time after the flow, change nothing.
    identity.apply(pod("app-c", "10.0.0.3", 1));
    identity.apply(pod("app-a", "10.0.0.1", (Date.now() + hourMs) * 1000));
    expect(await waits(waiting)).toBe(true);
    identity.apply(pod("app-a", "10.0.0.1", 1));
    await waiting;
    expect(await counted("identity_late_total")).toBe(1);
    expect(await counted("identity_given_up_total")).toBe(0);
  });

  it("wait for one and the same address no longer than a window, and then not again", async () => {
    const lateIdentities = late(30);
    await lateIdentities.wait([sent("10.0.0.1", "203.0.113.7")], never);
    expect(await counted("identity_given_up_total")).toBe(1);
    await lateIdentities.wait([sent("10.0.0.1", "203.0.113.7")], never);
    expect(await counted("identity_waits_total")).toBe(1);
  });

  it("wait for nobody beside a block that cannot be read", async () => {
    const message = { ...sent("10.0.0.1", "10.0.0.1"), value: Buffer.from("no block") };
    await late(hourMs).wait([message], never);
  });

  it("are let go when the station stops, and given up when their partition is taken away", async () => {
    const lateIdentities = late(hourMs);
    const leaving = new AbortController();
    const taken = lateIdentities.wait([sent("10.0.0.1", "10.0.0.2")], leaving.signal);
    const waiting = lateIdentities.wait([sent("10.0.0.1", "10.0.0.2")], never);
    expect(await waits(waiting)).toBe(true);
    leaving.abort();
    await expect(taken).rejects.toThrow("aborted");
    lateIdentities.close();
    await waiting;
    await lateIdentities.wait([sent("10.0.0.1", "10.0.0.2")], never);
  });
});
