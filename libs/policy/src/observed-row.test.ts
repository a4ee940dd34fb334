import { observedEdges } from "./observed-row.ts";

const row = {
  direction: "egress" as const,
  src_kind: "pod",
  src_namespace: "shop",
  src_workload: "cart",
  src_name: "",
  src_ip: "",
  dst_kind: "",
  dst_namespace: "",
  dst_workload: "",
  dst_name: "",
  dst_ip: "198.51.100.10",
  dst_port: 443,
  protocol: "TCP",
  connections: 3,
  answered: 2,
  refused: 1,
  denied: 0,
  guessed: 0,
  packets: 10,
  bytes: 1000,
  reply_packets: 8,
  reply_bytes: 2000,
  first: "2026-01-05T12:00:00.000012Z",
  last: "2026-01-05T12:01:00Z",
  sources: 1,
  destinations: 1,
};

describe("rows of edges", () => {
  it("keep their counts and their microseconds", () => {
    const noon = Date.UTC(2026, 0, 5, 12) * 1000;
    const [edge] = observedEdges([row]);
    expect(edge).toMatchObject({ port: 443, connections: 3, answered: 2, refused: 1 });
    expect(edge?.source).toEqual({
      kind: "pod",
      namespace: "shop",
      workload: "cart",
      name: "",
      address: "",
    });
    expect(edge?.destination.address).toBe("198.51.100.10");
    expect(edge?.first).toBe(noon + 12);
    expect(edge?.last).toBe(noon + 60_000_000);
  });

  it("count for nothing where nobody knows which way they went", () => {
    expect(observedEdges([{ ...row, direction: "unknown" }])).toEqual([]);
  });
});
