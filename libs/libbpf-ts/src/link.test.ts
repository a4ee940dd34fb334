import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "@jest/globals";
import { Namespace, Pin, udpScript } from "../test/bed.ts";
import { countedPackets, loadPackets } from "../test/packets.ts";
import { Link } from "./link.ts";
import { BpfProgram } from "./program.ts";
import { attachTcx } from "./tcx.ts";

describe("link", () => {
  it("pinned goes on without this process' reference, and is found again", () => {
    using namespace = new Namespace();
    using pin = new Pin();
    using object = loadPackets();
    const link = attachTcx(object.program("count_egress"), {
      netns: namespace.path,
      ifindex: 1,
      direction: "egress",
    });
    const { id } = link.info();
    link.pin(pin.path);
    link.close();
    namespace.sendUdp(3);
    expect(countedPackets(object)).toBeGreaterThanOrEqual(3n);
    using again = Link.openPinned(pin.path);
    expect(again.info()).toMatchObject({ id, programId: object.program("count_egress").id });
    again.unpin(pin.path);
    again.close();
    const before = countedPackets(object);
    namespace.sendUdp(3);
    expect(countedPackets(object)).toBe(before);
    expect(() => Link.openPinned(pin.path)).toThrow(expect.objectContaining({ code: "ENOENT" }));
    expect(() => Link.fromId(id)).toThrow(expect.objectContaining({ code: "ENOENT" }));
  });

  it("changes its program under traffic without one packet that meets neither or both", async () => {
    using namespace = new Namespace();
    using one = loadPackets();
    using other = loadPackets();
    using witness = loadPackets();
    const at = { netns: namespace.path, ifindex: 1, direction: "egress" } as const;
    using link = attachTcx(one.program("count_egress"), at);
    using behind = attachTcx(witness.program("count_egress"), { ...at, anchor: "last" });
    const args = [`--net=${namespace.path}`, process.execPath, "-e", udpScript(3000, "127.0.0.1")];
    const sender = spawn("nsenter", args, { stdio: "ignore" });
    const done = once(sender, "exit");
    let updates = 0;
    while (sender.exitCode === null) {
      link.update((updates++ % 2 === 0 ? other : one).program("count_egress"));
      await sleep(1);
    }
    expect(await done).toEqual([0, null]);
    expect(updates).toBeGreaterThan(10);
    expect(countedPackets(witness)).toBeGreaterThanOrEqual(3000n);
    expect(countedPackets(one) + countedPackets(other)).toBe(countedPackets(witness));
    expect(countedPackets(one)).toBeGreaterThan(0n);
    expect(countedPackets(other)).toBeGreaterThan(0n);
    expect(behind.closed).toBe(false);
  });

  it("changes only what is expected to be there", () => {
    using namespace = new Namespace();
    using object = loadPackets();
    const [first, second, third] = ["pass_all", "count_ingress", "drop_all"].map((name) =>
      object.program(name),
    ) as [BpfProgram, BpfProgram, BpfProgram];
    using link = attachTcx(first, { netns: namespace.path, ifindex: 1, direction: "ingress" });
    link.update(second, { expected: first });
    expect(link.info().programId).toBe(second.id);
    expect(() => link.update(third, { expected: first })).toThrow(
      expect.objectContaining({ code: "EPERM" }),
    );
    expect(link.info().programId).toBe(second.id);
  });

  it("takes a program that was pinned", () => {
    using namespace = new Namespace();
    using pin = new Pin();
    using counting = loadPackets();
    counting.program("count_egress").pin(pin.path);
    using program = BpfProgram.openPinned(pin.path);
    expect(program).toMatchObject({
      id: counting.program("count_egress").id,
      type: "sched_cls",
      name: "count_egress",
    });
    using byId = BpfProgram.fromId(program.id);
    using link = attachTcx(byId, { netns: namespace.path, ifindex: 1, direction: "egress" });
    namespace.sendUdp(2);
    expect(countedPackets(counting)).toBeGreaterThanOrEqual(2n);
    expect(link.info().programId).toBe(program.id);
    program.unpin(pin.path);
  });
});
