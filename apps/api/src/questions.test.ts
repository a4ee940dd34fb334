import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { FlowLine } from "./answers.ts";
import { type Bed, openBed } from "./testing.ts";

let bed: Bed;

beforeAll(async () => {
  bed = await openBed();
  // Ten connections, a second apart, the newest ten seconds ago.
  await bed.store.command(`INSERT INTO flows
    (time, start, last, node, direction, src_kind, src_namespace, src_workload, dst_workload, dst_port, protocol, connections, bytes, verdict)
    SELECT now64(6) - 10 - number AS at, at, at, 'n1', 'egress', 'pod', 'shop', 'cart', 'db', if(number < 3, 443, 5432), 'TCP', 1, number, if(number = 0, 'denied', 'allowed')
    FROM numbers(10)`);
});

afterAll(async () => {
  await bed[Symbol.asyncDispose]();
});

async function ndjson<T>(response: Response): Promise<T[]> {
  const text = await response.text();
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as T);
}

const flows = async (query: Record<string, string>) =>
  bed.get(`/v1/flows?${new URLSearchParams({ since: "1h", ...query }).toString()}`);

describe("flows", () => {
  it("are filtered by the grammar of libs/query", async () => {
    const rows = await ndjson<FlowLine>(
      await flows({ filter: "dst.port in (80, 443) and not verdict = denied" }),
    );
    expect(rows.map((row) => row.bytes)).toEqual([2, 1]);
  });

  it("say where a filter is wrong", async () => {
    const response = await flows({ filter: "dst.prot = 80" });
    expect(response.status).toBe(400);
    expect(((await response.json()) as { detail: string }).detail).toBe(
      "there is no field dst.prot; did you mean dst.port?\n  dst.prot = 80\n  ^^^^^^^^",
    );
  });
});

describe("edges", () => {
  it("are sums by the fields asked for, and say what was read", async () => {
    const query = new URLSearchParams({ since: "2h", by: "dst.port,verdict", filter: "node != x" });
    const response = await bed.get(`/v1/edges?${query.toString()}`);
    expect(response.headers.get("weir-tables")).toBe("flows");
    expect(await ndjson(response)).toEqual([
      expect.objectContaining({ dst_port: 5432, verdict: "allowed", connections: 7, bytes: 42 }),
      expect.objectContaining({ dst_port: 443, verdict: "allowed", connections: 2, bytes: 3 }),
      expect.objectContaining({ dst_port: 443, verdict: "denied", connections: 1, bytes: 0 }),
    ]);
    const rolled = await bed.get("/v1/edges?since=2h&by=src.workload&limit=1");
    expect(rolled.headers.get("weir-tables")).toMatch(/edges_1[hd], edges_1m, flows$/);
    expect(await ndjson(rolled)).toEqual([
      expect.objectContaining({ src_workload: "cart", connections: 10 }),
    ]);
    expect((await bed.get("/v1/edges?by=nothing")).status).toBe(400);
  });
});
