import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { topics } from "@weir/bus";
import { policyChangeCodec } from "@weir/codec";
import type { FlowLine, HistoryLine, PolicyLine } from "./answers.ts";
import { type Bed, openBed } from "./testing.ts";

let bed: Bed;
const yesterday = Math.floor(Date.now() / 86_400_000) * 86_400_000 - 43_200_000;
const [since, until] = [yesterday, yesterday + 60_000].map((ms) => new Date(ms).toISOString());

beforeAll(async () => {
  bed = await openBed({});
  // Ports 0 to 49 with sums that many have in common, at two moments of one minute.
  await bed.store.command(`INSERT INTO flows (time, start, last, node, direction, dst_port, bytes)
    SELECT fromUnixTimestamp64Milli(${yesterday} + number % 2) AS at, at, at, 'paged', 'egress', intDiv(number, 2), intDiv(number, 20) FROM numbers(100)`);
});
afterAll(async () => {
  await bed[Symbol.asyncDispose]();
});

type Query = Record<string, string>;

/** Every page, until there is no other. */
async function pagesOf<Row>(
  path: string,
  query: Query,
  read: (response: Response) => Promise<Row[]>,
  between: () => Promise<void> = async () => undefined,
): Promise<Row[][]> {
  const pages: Row[][] = [];
  let cursor: string | null = null;
  do {
    const asked = new URLSearchParams({ ...query, ...(cursor === null ? {} : { cursor }) });
    const response = await bed.get(`${path}?${asked.toString()}`);
    expect(response.status).toBe(200);
    pages.push(await read(response));
    cursor = response.headers.get("weir-next");
    expect(response.headers.get("weir-truncated")).toBe(cursor === null ? null : query["limit"]);
    await between();
  } while (cursor !== null && pages.length < 30);
  return pages;
}
const ndjson = async <Row>(response: Response): Promise<Row[]> =>
  (await response.text())
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Row);
const json = async <Row>(response: Response): Promise<Row[]> => (await response.json()) as Row[];

describe("pages of edges", () => {
  type Sums = { dst_port: number; bytes: number };
  const question = {
    since: since ?? "",
    until: until ?? "",
    by: "dst.port",
    filter: "node = paged",
  };

  it("are together the answer in one piece, in its order, each row once", async () => {
    const whole = await ndjson<Sums>(
      await bed.get(`/v1/edges?${new URLSearchParams(question).toString()}`),
    );
    expect(whole).toHaveLength(50);
    for (const [limit, count] of [
      ["7", 8],
      ["10", 5],
      ["50", 1],
    ] as const) {
      const pages = await pagesOf<Sums>("/v1/edges", { ...question, limit }, ndjson);
      expect(pages).toHaveLength(count);
      expect(pages.flat()).toEqual(whole);
    }
  });

  it("are of one range, whenever they are asked for", async () => {
    // A duration ago: what it begins with is another time at each page.
    const ago = `${Math.round((Date.now() - yesterday) / 1000) + 1}s`;
    const asked = { ...question, since: ago, until: "1s", limit: "20" };
    const later = () => new Promise<void>((resolve) => setTimeout(resolve, 1100));
    const pages = await pagesOf<Sums>("/v1/edges", asked, ndjson, later);
    expect(pages.map((page) => page.length)).toEqual([20, 20, 10]);
    expect(new Set(pages.flat().map((row) => row.dst_port)).size).toBe(50);
  });

  it("go on in the minute of a time", async () => {
    const asked = { at: since ?? "", by: "dst.port", limit: "20" };
    const pages = await pagesOf<Sums>("/v1/edges", asked, ndjson);
    expect(new Set(pages.flat().map((row) => row.dst_port)).size).toBe(50);
    expect(pages).toHaveLength(3);
  });

  it.each(["x", "1-2", "1--x", "-1--1", `${"9".repeat(17)}--1`])("refuse %s", async (cursor) => {
    expect((await bed.get(`/v1/edges?cursor=${encodeURIComponent(cursor)}`)).status).toBe(400);
  });
});

describe("pages of policies", () => {
  // Whoever publishes chooses the names: these are none that an API server would take.
  const names = ["a", "b", "c/d", "ü\r\nx", "z z", "%", "100"];
  beforeAll(async () => {
    const changes = names.map((name) => ({
      ...{ namespace: "shop", name, text: "none", shadow: false, changed: 1, author: "test" },
    }));
    await bed.bus.send(
      topics.policyDocuments.name,
      changes.map((one) => ({ key: `shop/${one.name}`, value: policyChangeCodec.encode(one) })),
    );
    const listed = async () => (await json(await bed.get("/v1/policies"))).length;
    while ((await listed()) < names.length) await new Promise((next) => setTimeout(next, 20));
  });

  it("have each policy once, in the order of their names", async () => {
    for (const limit of ["1", "3", "7"]) {
      const pages = await pagesOf<PolicyLine>("/v1/policies", { limit }, json);
      expect(pages.flat().map(({ name }) => name)).toEqual(names.toSorted());
      expect(pages).toHaveLength(Math.ceil(names.length / Number(limit)));
    }
    expect((await bed.get("/v1/policies?cursor=%25")).status).toBe(400);
    expect((await bed.get("/v1/policies?limit=0")).status).toBe(400);
  });

  it("have tags of their own", async () => {
    const [first, second] = await Promise.all(
      ["/v1/policies?limit=2", "/v1/policies?limit=3"].map((path) => bed.get(path)),
    );
    const tag = first?.headers.get("etag") ?? "";
    expect(tag).not.toBe(second?.headers.get("etag"));
    const again = await fetch(`${bed.api.url}/v1/policies?limit=2`, {
      headers: { "if-none-match": tag },
    });
    expect([again.status, again.headers.get("weir-next")]).toEqual([
      304,
      first?.headers.get("weir-next"),
    ]);
  });
});

describe("pages of generations", () => {
  it("say of each what it changed, the oldest of a page included", async () => {
    const made = "toDateTime64('2026-01-01 00:00:00', 6) + number";
    await bed.store.command(
      `INSERT INTO policy_generations (generation, revision, mode, valid_from) SELECT number + 1, number + 1, 'enforce', ${made} FROM numbers(2500)`,
    );
    // One comes with each, and goes with the tenth after it.
    await bed.store.command(
      `INSERT INTO policy_versions (namespace, name, generation, deleted, text) SELECT 'shop', toString(number), number + 1, 0, 'x' FROM numbers(2500)`,
    );
    await bed.store.command(
      `INSERT INTO policy_versions (namespace, name, generation, deleted, text) SELECT 'shop', toString(number), number + 11, 1, '' FROM numbers(2490)`,
    );
    const pages = await pagesOf<HistoryLine>("/v1/policies/history", { limit: "1000" }, json);
    expect(pages.map((page) => page.length)).toEqual([1000, 1000, 500]);
    const lines = pages.flat();
    expect(lines.map(({ generation }) => generation)).toEqual(
      Array.from({ length: 2500 }, (_, at) => 2500 - at),
    );
    const told = lines.filter(
      ({ generation, added, removed, policies }) =>
        added.join() === `shop/${generation - 1}` &&
        removed.join() === (generation > 10 ? `shop/${generation - 11}` : "") &&
        policies === Math.min(generation, 10),
    );
    expect(told).toHaveLength(2500);
    expect((await bed.get("/v1/policies/history?cursor=x")).status).toBe(400);
  });
});

describe("a page as large as there are", () => {
  it("says that there is more, where there is", async () => {
    await bed.store.command(`INSERT INTO flows (time, start, last, node, src_port, dst_port)
      SELECT fromUnixTimestamp64Milli(${yesterday} + 120000) AS at, at, at, 'large', number % 60000, intDiv(number, 60000) FROM numbers(100001)`);
    const range = { since: until ?? "", until: new Date(yesterday + 300_000).toISOString() };
    const asked = { ...range, limit: "100000", filter: "node = large" };
    const pages = await pagesOf<FlowLine>("/v1/flows", asked, ndjson);
    expect(pages.map((page) => page.length)).toEqual([100_000, 1]);
  }, 60_000);
});
