import { describe, expect, it } from "@jest/globals";
import { Namespace, objectPath } from "../test/bed.ts";
import { ifindexOf } from "./netns.ts";
import { BpfObject } from "./object.ts";
import { attachXdp } from "./xdp.ts";

/** A veth pair between two namespaces; datagrams go from `near` to 10.77.0.2 at `far`. */
class Pair implements Disposable {
  readonly near: Namespace = new Namespace();
  readonly far: Namespace = new Namespace();

  constructor() {
    this.near.run(
      "ip",
      "link",
      "add",
      "near0",
      "type",
      "veth",
      "peer",
      "name",
      "far0",
      "netns",
      this.far.name,
    );
    this.near.run("ip", "address", "add", "10.77.0.1/24", "dev", "near0");
    this.far.run("ip", "address", "add", "10.77.0.2/24", "dev", "far0");
    this.near.run("ip", "link", "set", "near0", "up");
    this.far.run("ip", "link", "set", "far0", "up");
  }

  [Symbol.dispose](): void {
    this.near[Symbol.dispose]();
    this.far[Symbol.dispose]();
  }
}

describe("xdp", () => {
  it.each(["driver", "generic"] as const)(
    "%s mode: sees the frames of a veth, and changes its program",
    (mode) => {
      using pair = new Pair();
      using object = BpfObject.open(objectPath("hooks")).load();
      const netns = pair.far.path;
      const ifindex = ifindexOf("far0", { netns });
      using link = attachXdp(object.program("count_frames"), { netns, ifindex, mode });
      expect(link.info()).toMatchObject({
        type: "xdp",
        ifindex,
        programId: object.program("count_frames").id,
      });
      pair.near.sendUdp(20, "10.77.0.2");
      expect(object.globals.get("frames")).toBeGreaterThanOrEqual(20n);
      const inside = () =>
        Number(
          /InDatagrams.*\n *Udp: (\d+) (\d+)/.exec(pair.far.run("cat", "/proc/net/snmp"))?.[2],
        );
      expect(inside()).toBe(20);
      link.update(object.program("drop_frames"));
      pair.near.sendUdp(5, "10.77.0.2");
      expect(inside()).toBe(20);
      expect(() => attachXdp(object.program("count_frames"), { netns, ifindex, mode })).toThrow(
        expect.objectContaining({ code: "EBUSY" }),
      );
    },
  );
});
