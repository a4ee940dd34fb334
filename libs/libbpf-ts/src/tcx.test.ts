import { readFileSync, readlinkSync } from "node:fs";
import { describe, expect, it } from "@jest/globals";
import { Namespace, objectPath } from "../test/bed.ts";
import { ifindexOf, listInterfaces } from "./netns.ts";
import { BpfObject } from "./object.ts";
import { attachTcx } from "./tcx.ts";

interface Counted {
  packets: bigint;
}

function packetsOf(object: BpfObject, direction: number): bigint {
  for (const [key, value] of object
    .map("counts")
    .typed<{ direction: number }, Counted>()
    .entries()) {
    if (key.direction === direction) return value.packets;
  }
  return 0n;
}

function ownNamespace(): string {
  return readlinkSync("/proc/thread-self/ns/net");
}

describe("tcx", () => {
  it("sees every packet of an interface in another namespace, both ways, until it is closed", () => {
    using namespace = new Namespace();
    using object = BpfObject.open(objectPath("packets"), { settings: { emit: false } }).load();
    const at = { netns: namespace.path, ifindex: ifindexOf("lo", { netns: namespace.path }) };
    {
      using ingress = attachTcx(object.program("count_ingress"), { ...at, direction: "ingress" });
      using egress = attachTcx(object.program("count_egress"), {
        ...at,
        direction: "egress",
        anchor: "first",
      });
      expect(ingress.info()).toMatchObject({
        type: "tcx",
        ifindex: at.ifindex,
        attachType: "tcx_ingress",
      });
      expect(egress.info()).toMatchObject({
        attachType: "tcx_egress",
        programId: object.program("count_egress").id,
      });
      namespace.sendUdp(25);
      // Every datagram to a closed port is answered by an ICMP error.
      expect(packetsOf(object, 2)).toBeGreaterThanOrEqual(25n);
      expect(packetsOf(object, 1)).toBe(packetsOf(object, 2));
    }
    const before = packetsOf(object, 1);
    namespace.sendUdp(5);
    expect(packetsOf(object, 1)).toBe(before);
  });

  it("runs in the order of the anchors: a verdict ends the row", () => {
    using namespace = new Namespace();
    const at = { netns: namespace.name, ifindex: 1, direction: "egress" } as const;
    const load = () => BpfObject.open(objectPath("packets"), { settings: { emit: false } }).load();
    using last = load();
    using first = load();
    using middle = load();
    const attach = (object: BpfObject, anchor: Parameters<typeof attachTcx>[1]["anchor"]) =>
      attachTcx(object.program("count_egress"), { ...at, ...(anchor ? { anchor } : {}) });
    using dropping = attachTcx(last.program("drop_all"), at);
    using behind = attach(last, "last");
    using front = attach(first, "first");
    using between = attach(middle, { before: dropping });
    namespace.sendUdp(4);
    expect([first, middle, last].map((object) => packetsOf(object, 2))).toEqual([4n, 4n, 0n]);
    dropping.close();
    namespace.sendUdp(1);
    expect(packetsOf(last, 2)).toBeGreaterThanOrEqual(1n);
    for (const link of [behind, front, between]) expect(link.closed).toBe(false);
  });

  it("leaves this thread in its own namespace, also after an error", () => {
    using namespace = new Namespace();
    using object = BpfObject.open(objectPath("packets")).load();
    const own = ownNamespace();
    expect(listInterfaces({ netns: namespace.name }).map(({ name }) => name)).toEqual(["lo"]);
    const attach = (netns: string, ifindex: number) =>
      attachTcx(object.program("pass_all"), { netns, ifindex, direction: "ingress" });
    expect(() => attach(namespace.path, 4711)).toThrow(expect.objectContaining({ code: "ENODEV" }));
    expect(() => attach("/run/netns/nonexistent", 1)).toThrow(
      expect.objectContaining({ code: "ENOENT" }),
    );
    expect(() => attach("/etc/hostname", 1)).toThrow(expect.objectContaining({ code: "EINVAL" }));
    expect(() => ifindexOf("nothing", { netns: namespace.path })).toThrow(
      expect.objectContaining({ code: "ENODEV" }),
    );
    expect(ownNamespace()).toBe(own);
    const own0 = readFileSync("/proc/net/dev", "utf8")
      .match(/^ *[^ :|]+(?=:)/gm)
      ?.map((name) => name.trim());
    expect(
      listInterfaces()
        .map(({ name }) => name)
        .sort(),
    ).toEqual(own0?.sort());
  });

  it("is over when the interface is gone, and detaching by hand leaves the link", () => {
    using object = BpfObject.open(objectPath("packets")).load();
    using namespace = new Namespace();
    const netns = namespace.path;
    namespace.run("ip", "link", "add", "v0", "type", "veth", "peer", "name", "v1");
    const ifindex = ifindexOf("v0", { netns });
    using gone = attachTcx(object.program("pass_all"), { netns, ifindex, direction: "ingress" });
    using detached = attachTcx(object.program("pass_all"), {
      netns,
      ifindex: 1,
      direction: "ingress",
    });
    detached.detach();
    expect(detached.info().ifindex).toBe(0);
    namespace.run("ip", "link", "delete", "v0");
    expect(gone.info().ifindex).toBe(0);
  });

  it("refuses programs of another kind", () => {
    using object = BpfObject.open(objectPath("hooks")).load();
    using namespace = new Namespace();
    const options = { netns: namespace.path, ifindex: 1, direction: "ingress" } as const;
    expect(() => attachTcx(object.program("count_frames"), options)).toThrow(
      expect.objectContaining({ code: "EINVAL" }),
    );
  });
});
