import { describe, expect, it } from "@jest/globals";
import { Namespace } from "../test/bed.ts";
import { countedPackets, loadPackets } from "../test/packets.ts";
import { attachClsact } from "./clsact.ts";

describe("clsact", () => {
  it("counts as a filter of an interface in a namespace, until it is disposed", () => {
    using namespace = new Namespace();
    using object = loadPackets();
    const at = { netns: namespace.path, ifindex: 1, direction: "egress" } as const;
    {
      using filter = attachClsact(object.program("count_egress"), at);
      expect(filter.info()).toEqual({
        programId: object.program("count_egress").id,
        handle: filter.handle,
        priority: filter.priority,
      });
      namespace.sendUdp(10);
      expect(countedPackets(object)).toBeGreaterThanOrEqual(10n);
    }
    const before = countedPackets(object);
    namespace.sendUdp(3);
    expect(countedPackets(object)).toBe(before);
    expect(namespace.run("tc", "filter", "show", "dev", "lo", "egress")).toBe("");
  });

  it("is taken over in one step by whoever names its priority and handle", () => {
    using namespace = new Namespace();
    using old = loadPackets();
    using fresh = loadPackets();
    const at = {
      netns: namespace.path,
      ifindex: 1,
      direction: "ingress",
      priority: 7,
      handle: 3,
    } as const;
    const first = attachClsact(old.program("count_ingress"), at);
    first.release();
    first[Symbol.dispose]();
    expect(() => attachClsact(fresh.program("count_ingress"), at)).toThrow(
      expect.objectContaining({ code: "EEXIST" }),
    );
    using second = attachClsact(fresh.program("count_ingress"), { ...at, replace: true });
    namespace.sendUdp(4);
    expect(countedPackets(old)).toBe(0n);
    const seen = countedPackets(fresh);
    expect(seen).toBeGreaterThanOrEqual(4n);
    second.update(old.program("count_ingress"));
    expect(second.info()).toEqual({
      programId: old.program("count_ingress").id,
      handle: 3,
      priority: 7,
    });
    namespace.sendUdp(4);
    expect(countedPackets(fresh)).toBe(seen);
    expect(countedPackets(old)).toBeGreaterThanOrEqual(4n);
  });

  it("is gone with its interface, and disposing it then is no error", () => {
    using object = loadPackets();
    using namespace = new Namespace();
    const filter = attachClsact(object.program("pass_all"), {
      netns: namespace.path,
      ifindex: 1,
      direction: "ingress",
    });
    filter.detach();
    expect(() => filter.info()).toThrow(expect.objectContaining({ code: "ENOENT" }));
    expect(() => filter.detach()).toThrow(expect.objectContaining({ code: "ENOENT" }));
    using again = attachClsact(object.program("pass_all"), {
      netns: namespace.path,
      ifindex: 1,
      direction: "ingress",
    });
    namespace.remove();
    again[Symbol.dispose]();
  });
});
