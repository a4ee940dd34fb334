import { collectorStatus } from "./status.ts";
import { report } from "./testing.ts";

const quiet = {
  ...{ ifindex: 3, interface: "veth3", namespace: "shop", pod: "cart-0" },
  ...{ from_packets: 9, from_bytes: 900, to_packets: 9, to_bytes: 900, other_packets: 1 },
  ...{ malformed_packets: 0, malformed_bytes: 0, denied_packets: 0 },
  ...{ untracked_packets: 0, untracked_bytes: 0, untracked_connections: 0, late_edges: 0 },
};

describe("a collector's status", () => {
  it("names nobody where all had enough", () => {
    expect(collectorStatus({ report: { ...report, odometers: [quiet] } })).not.toHaveProperty(
      "beyondShare",
    );
  });

  it("names the five that wanted most beyond their share, the worst first", () => {
    const loud = Array.from({ length: 7 }, (_, n) => ({
      ...quiet,
      ...{ pod: `loud-${n}`, untracked_packets: n, untracked_connections: n, late_edges: 1 },
    }));
    const own = { ...quiet, interface: "eth0", namespace: "", pod: "", untracked_packets: 100 };
    const { beyondShare } = collectorStatus({
      report: { ...report, odometers: [...loud, quiet, own] },
    });
    expect(beyondShare?.map((one) => one.who)).toEqual([
      ...["eth0", "shop/loud-6", "shop/loud-5", "shop/loud-4", "shop/loud-3"],
    ]);
    expect(beyondShare?.[1]).toEqual({
      ...{ who: "shop/loud-6", untrackedConnections: 6, untrackedPackets: 6, lateEdges: 1 },
    });
  });
});
