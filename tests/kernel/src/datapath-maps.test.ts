import { parseAddress } from "@weir/codec";
import { Datapath, drop, loopback, pass, u32 } from "./datapath.ts";
import type { Policy } from "./datapath.ts";
import { frame, protocol, udp } from "./frame.ts";

const local = "10.1.0.1";
const peer = "10.1.0.2";
/** No interface has such a number. */
const nowhere = 0x7fff_fff0;

const datagram = frame({ src: local, dst: peer, protocol: protocol.udp, payload: udp(9, 53, 20) });
const open: Policy = {
  mode: "enforce",
  generation: 1,
  endpoints: [{ ifindex: loopback }, { ifindex: nowhere }],
};

function wired(addresses: [string, number][], policy: Policy): Datapath {
  const datapath = new Datapath();
  for (const [text, ifindex] of addresses) {
    datapath.object.map("local_addresses").update(parseAddress(text), u32(ifindex));
  }
  datapath.object.map("redirect").update(u32(0), u32(1));
  datapath.enforce(policy);
  return datapath;
}

const both: [string, number][] = [
  [local, loopback],
  [peer, nowhere],
];

describe("a packet for a pod of the same node", () => {
  it("takes the long way, counted, where the pod's interface is gone", () => {
    using datapath = wired(both, open);
    expect(datapath.from(datagram)).toBe(pass);
    expect(datapath.dropped("WEIR_DROP_PEER_GONE")).toBe(1);
    expect(datapath.odometer(nowhere)).toMatchObject({ to_packets: 0 });
    expect(datapath.records()).toMatchObject([{ packets: 1, verdict: "allowed" }]);
  });

  it("is not looked at further where its own end denies it", () => {
    using datapath = wired(both, {
      ...open,
      endpoints: [{ ifindex: loopback, egress: 200 }, { ifindex: nowhere }],
    });
    expect(datapath.from(datagram)).toBe(drop);
    expect(datapath.dropped("WEIR_DROP_PEER_GONE")).toBe(0);
  });

  it.each([
    [
      "where the sender's address is another's",
      [
        [local, nowhere],
        [peer, nowhere],
      ],
      open,
    ],
    ["where the sender has no address with us", [[peer, nowhere]], open],
    [
      "to the sender itself",
      [
        [local, loopback],
        [peer, loopback],
      ],
      open,
    ],
    ["in shadow mode", both, { ...open, mode: "shadow" }],
    ["in observe mode", both, { ...open, mode: "observe" }],
  ] as [string, [string, number][], Policy][])("is left to the node %s", (_, addresses, policy) => {
    using datapath = wired(addresses, policy);
    expect(datapath.from(datagram)).toBe(pass);
    expect(datapath.dropped("WEIR_DROP_PEER_GONE")).toBe(0);
  });

  it("is left to the node where one end may only observe", () => {
    using datapath = wired(both, open);
    datapath.setEndpoint(nowhere, "observe");
    expect(datapath.from(datagram)).toBe(pass);
    expect(datapath.dropped("WEIR_DROP_PEER_GONE")).toBe(0);
  });

  it("is looked up anew when the addresses change, and when the policy does", () => {
    using datapath = wired(both, open);
    const gone = () => {
      datapath.from(datagram);
      return datapath.dropped("WEIR_DROP_PEER_GONE");
    };
    expect([gone(), gone()]).toEqual([1, 2]);
    datapath.object.map("local_addresses").delete(parseAddress(peer));
    datapath.object.map("redirect").update(u32(0), u32(2));
    expect([gone(), gone()]).toEqual([2, 2]);
    datapath.object.map("local_addresses").update(parseAddress(peer), u32(nowhere));
    datapath.object.map("redirect").update(u32(0), u32(3));
    expect(gone()).toBe(3);
    datapath.enforce({ ...open, mode: "observe", generation: 2 });
    expect(gone()).toBe(3);
    datapath.enforce({ ...open, generation: 3 });
    expect(gone()).toBe(4);
  });
});

describe("odometers", () => {
  it("of interfaces whose numbers end alike are apart", () => {
    using datapath = new Datapath();
    datapath.odometers.open(loopback + 4096);
    datapath.from(datagram);
    expect(datapath.odometer(loopback)).toMatchObject({ from_packets: 1 });
    expect(datapath.odometer(loopback + 4096)).toMatchObject({ from_packets: 0 });
    datapath.odometers.remove(loopback + 4096);
    expect(datapath.odometer(loopback)).toMatchObject({ from_packets: 1 });
  });

  it("count for an interface whose place is another's, and for one that nobody opened", () => {
    using datapath = new Datapath();
    datapath.odometers.remove(loopback);
    datapath.odometers.open(loopback + 4096);
    datapath.from(datagram);
    expect(datapath.odometer(loopback)).toMatchObject({ from_packets: 1, from_bytes: 48 });
    datapath.odometers.open(loopback);
    datapath.from(datagram);
    expect(datapath.odometer(loopback)).toMatchObject({ from_packets: 2, from_bytes: 96 });
    datapath.odometers.remove(loopback);
    expect(datapath.odometer(loopback)).toMatchObject({ from_packets: 0 });
    expect(datapath.odometer(loopback + 4096)).toMatchObject({ from_packets: 0 });
  });
});
