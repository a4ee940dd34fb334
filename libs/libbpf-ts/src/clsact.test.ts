import { describe, expect, it } from "@jest/globals";
import { Namespace, objectPath } from "../test/bed.ts";
import { attachClsact } from "./clsact.ts";
import { BpfObject } from "./object.ts";

function load(): BpfObject {
  return BpfObject.open(objectPath("packets"), { settings: { emit: false } }).load();
}

function packets(object: BpfObject): bigint {
  let sum = 0n;
  for (const [, value] of object.map("counts").typed<unknown, { packets: bigint }>().entries())
    sum += value.packets;
  return sum;
}

describe("clsact", () => {
  it("counts as a filter of an interface in a namespace, until it is disposed", () => {
    using namespace = new Namespace();
    using object = load();
    const at = { netns: namespace.path, ifindex: 1, direction: "egress" } as const;
    {
      using filter = attachClsact(object.program("count_egress"), at);
      expect(filter.info()).toEqual({
        programId: object.program("count_egress").id,
        handle: filter.handle,
        priority: filter.priority,
      });
      namespace.sendUdp(10);
      expect(packets(object)).toBeGreaterThanOrEqual(10n);
    }
    const before = packets(object);
    namespace.sendUdp(3);
    expect(packets(object)).toBe(before);
    expect(namespace.run("tc", "filter", "show", "dev", "lo", "egress")).toBe("");
  });

  it("is taken over in one step by whoever names its priority and handle", () => {
    using namespace = new Namespace();
    using old = load();
    using fresh = load();
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
    expect(packets(old)).toBe(0n);
    const seen = packets(fresh);
    expect(seen).toBeGreaterThanOrEqual(4n);
    second.update(old.program("count_ingress"));
    expect(second.info()).toEqual({
      programId: old.program("count_ingress").id,
      handle: 3,
      priority: 7,
    });
    namespace.sendUdp(4);
    expect(packets(fresh)).toBe(seen);
    expect(packets(old)).toBeGreaterThanOrEqual(4n);
  });

  it("is gone with its interface, and disposing it then is no error", () => {
    using object = load();
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
