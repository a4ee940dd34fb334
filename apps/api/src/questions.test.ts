import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { silentLog } from "@weir/runtime";
import type {
  CompletionAnswer,
  FlowLine,
  ReachAnswer,
  ReachBetweenAnswer,
  RunningLine,
} from "./answers.ts";
import { type Bed, openBed, pod as livePod, sendWorkloads } from "./testing.ts";

let bed: Bed;
/** What the API wrote to its log. */
const logged: Record<string, unknown>[] = [];

beforeAll(async () => {
  const log = { ...silentLog(), info: (fields: object) => void logged.push({ ...fields }) };
  bed = await openBed({ follow: { settleMs: 0, maxResumedFlows: 4 } }, log);
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

describe("pages of flows", () => {
  it("go on where the one before ended, also within one microsecond, and end", async () => {
    const yesterday = Math.floor(Date.now() / 1000) * 1000 - 86_400_000;
    // Fifty rows at seven different times.
    await bed.store.command(`INSERT INTO flows (time, start, last, node, src_port, bytes)
      SELECT fromUnixTimestamp64Milli(${yesterday}) + number % 7 AS at, at, at, 'paged', number, number FROM numbers(50)`);
    const [since, until] = [yesterday, yesterday + 60_000].map((ms) => new Date(ms).toISOString());
    const range = { since: since as string, until: until as string, limit: "6" };
    const seen: number[] = [];
    const times: string[] = [];
    let cursor: string | null = null;
    let pages = 0;
    do {
      const response = await flows({ ...range, ...(cursor === null ? {} : { cursor }) });
      const rows = await ndjson<FlowLine>(response);
      seen.push(...rows.map((row) => row.bytes).reverse());
      times.push(...rows.map((row) => row.time).reverse());
      cursor = response.headers.get("weir-next");
      pages++;
    } while (cursor !== null && pages < 20);
    expect(pages).toBe(9);
    expect(seen.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, at) => at));
    expect(times).toEqual(times.toSorted().reverse());
    expect((await flows({ cursor: "x" })).status).toBe(400);
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

describe("reach", () => {
  const policy = (tier: string) => `apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: { name: payment, namespace: shop }
spec:
  podSelector: { matchLabels: { app: payment } }
  ingress: [{ from: [{ podSelector: { matchLabels: { tier: ${tier} } } }], ports: [{ port: 8080 }] }]
`;
  const pod = (name: string, labels: string, recorded: string, since = "2026-03-03 01:00:00") =>
    `('pod', 'shop', '${name}-1', '${name}', '${name}', ${labels}, ['::ffff:10.0.0.${name.length}'], ['http'], [8080], ['TCP'], '${since}', '${recorded}')`;

  beforeAll(async () => {
    // At three, the cart lost the label that the policy asks for; at four, the text changed.
    await bed.store.command(`INSERT INTO workload_records
      (kind, namespace, name, uid, workload, labels, addresses, port_names, port_numbers, port_protocols, since, recorded) VALUES
      ${[
        pod("payment", "{'app': 'payment'}", "2026-03-03 01:00:01"),
        pod("cart", "{'tier': 'web'}", "2026-03-03 01:00:01"),
        pod("cart", "{'tier': 'old'}", "2026-03-03 03:00:00"),
        pod("batch", "{'tier': 'batch'}", "2026-03-03 01:00:01"),
      ].join(", ")}`);
    await bed.store
      .command(`INSERT INTO policy_generations (generation, revision, mode, valid_from) VALUES
      (1, 1, 'enforce', '2026-03-03 02:00:00'), (2, 2, 'enforce', '2026-03-03 04:00:00')`);
    await bed.store
      .command(`INSERT INTO policy_versions (namespace, name, generation, deleted, text) VALUES
      ('shop', 'payment', 1, 0, '${policy("web")}'), ('shop', 'payment', 2, 0, '${policy("batch")}')`);
  });

  const ask = async (clock: string) => {
    const response = await bed.get(`/v1/reach?to=shop/payment&at=2026-03-03T${clock}Z`);
    expect(response.status).toBe(200);
    return (await response.json()) as ReachAnswer;
  };
  const allowed = ({ reach }: ReachAnswer) =>
    reach.filter((line) => line.verdict === "allowed").map((line) => line.from);

  it("is answered by labels and texts as they were at the time", async () => {
    expect(allowed(await ask("01:30:00"))).toEqual(["shop/batch", "shop/cart"]);
    const then = await ask("02:30:00");
    expect(allowed(then)).toEqual(["shop/cart"]);
    expect(then.texts).toEqual([
      {
        policy: "shop/payment",
        from: "2026-03-03T02:00:00.000000Z",
        until: "2026-03-03T04:00:00.000000Z",
        text: policy("web"),
      },
    ]);
    expect(then.reach).toContainEqual({
      from: "shop/cart",
      port: 8080,
      protocol: "TCP",
      verdict: "allowed",
      because: ["egress: not-isolated", "ingress: shop/payment ingress[0]"],
      policies: ["shop/payment"],
    });
    expect(allowed(await ask("03:12:00"))).toEqual([]);
    const later = await ask("04:00:00");
    expect(allowed(later)).toEqual(["shop/batch"]);
    expect(later).toMatchObject({ generation: 2, mode: "enforce" });
  });

  it("is answered for a range, each line with the time that it held", async () => {
    const at = (clock: string) => `2026-03-03T${clock}Z`;
    const path = `/v1/reach/between?to=shop/payment&since=${at("01:30:00")}`;
    const response = await bed.get(`${path}&until=${at("05:00:00")}`);
    const { reach, texts, completeness } = (await response.json()) as ReachBetweenAnswer;
    const clock = (time: string) => time.slice(11, 19);
    expect(
      reach
        .filter((line) => line.verdict === "allowed")
        .map((line) => [line.from, line.mode, clock(line.since), clock(line.until)]),
    ).toEqual([
      // Before there was a policy, then by the first, until the label went; then by the second.
      ["shop/batch", "observe", "01:30:00", "02:00:00"],
      ["shop/batch", "enforce", "04:00:00", "05:00:00"],
      ["shop/cart", "observe", "01:30:00", "02:00:00"],
      ["shop/cart", "enforce", "02:00:00", "03:00:00"],
    ]);
    expect(texts.map((one) => one.text)).toEqual([policy("web"), policy("batch")]);
    expect(completeness.verdict).toBe("unknown");
    // At any time in it there is the one line that a question at that time gives.
    const then = await ask("03:12:00");
    const during = reach.filter(
      (line) => line.since <= at("03:12:00") && at("03:12:00") < line.until,
    );
    expect(during.map(({ from, verdict, because }) => ({ from, verdict, because }))).toEqual(
      then.reach
        .map(({ from, verdict, because }) => ({ from, verdict, because }))
        .toSorted((a, b) => (a.from < b.from ? -1 : 1)),
    );
    for (const wrong of [`&until=${at("01:00:00")}`, "&since=1h"])
      expect((await bed.get(path + wrong)).status).toBe(400);
    expect((await bed.get(`${path}&until=${at("01:31:00")}&port=9`)).status).toBe(200);
    expect((await bed.get(`/v1/reach/between?to=shop/no&since=${at("01:30:00")}`)).status).toBe(
      404,
    );
  });

  it("says when there was nobody of that name, or no port to ask about", async () => {
    expect((await bed.get("/v1/reach?to=shop/payment&at=2026-03-03T00:30:00Z")).status).toBe(404);
    expect((await bed.get("/v1/reach?to=shop/payment&protocol=UDP")).status).toBe(400);
    expect((await bed.get("/v1/reach?at=now")).status).toBe(400);
  });
});

describe("sql", () => {
  const endless = "SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 1";
  const running = async () =>
    (await (await bed.get("/v1/sql/running")).json()) as (RunningLine & { id: string })[];

  it("shows what runs, who asked and how far it is, and stops it when the client goes", async () => {
    const client = new AbortController();
    const asked = fetch(`${bed.api.url}/v1/sql`, {
      method: "POST",
      headers: { "weir-query": "endless-query", "weir-user": "ann@desk" },
      body: endless,
      signal: client.signal,
    }).catch((error: unknown) => error);
    let line: RunningLine | undefined;
    while ((line?.readRows ?? 0) === 0) [line] = await running();
    expect(line).toMatchObject({
      id: "endless-query",
      askedBy: "ann@desk",
      address: "127.0.0.1",
      query: endless,
      totalRows: 1_000_000_000_000,
    });
    client.abort();
    await asked;
    while ((await running()).length > 0);
    while ((await bed.store.progressOf("endless-query")) !== undefined);
    expect(await running()).toEqual([]);
  });

  it("is written to the log with who asked, also when it is refused", async () => {
    const answer = await fetch(`${bed.api.url}/v1/sql`, {
      method: "POST",
      headers: { "weir-user": "ann@desk", "weir-query": "a refused one" },
      body: "SELECT 1",
    });
    expect(answer.status).toBe(400);
    const refused = await fetch(`${bed.api.url}/v1/sql`, {
      method: "POST",
      headers: { "weir-user": "eve", "weir-query": "refused-1" },
      body: "SELECT * FROM file('/etc/passwd')",
    });
    expect(refused.status).toBe(422);
    const lines = logged.filter((line) => line["id"] === "refused-1");
    expect(lines).toEqual([
      expect.objectContaining({ askedBy: "eve", query: "SELECT * FROM file('/etc/passwd')" }),
      expect.objectContaining({ failure: expect.stringContaining("file() is not allowed") }),
    ]);
  });
});

describe("the live tail of a client that comes back", () => {
  /** The events until there are `count` of them. */
  const tail = async (headers: Record<string, string>, count: number): Promise<string[]> => {
    const client = new AbortController();
    const response = await fetch(`${bed.api.url}/v1/flows/follow?filter=node%20%3D%20resumed`, {
      headers,
      signal: client.signal,
    });
    const found: string[] = [];
    let text = "";
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
      text += Buffer.from(chunk).toString("utf8");
      const events = text.split("\n\n");
      text = events.pop() ?? "";
      found.push(...events.filter((one) => !one.startsWith(":")));
      if (found.length >= count) break;
    }
    client.abort();
    return found;
  };

  it("goes on from the id of the last event", async () => {
    const base = Math.floor(Date.now() / 1000) * 1000 - 60_000;
    await bed.store.command(`INSERT INTO flows (time, start, last, node, bytes)
      SELECT fromUnixTimestamp64Milli(${base}) + number AS at, at, at, 'resumed', number FROM numbers(5)`);
    const ids = (events: string[]) =>
      events.map((one) => Number(/^id: (\d+)/.exec(one)?.[1]) / 1000 - base);
    const three = await tail({ "last-event-id": String((base + 2000) * 1000) }, 3);
    expect(ids(three)).toEqual([2000, 3000, 4000]);
    // No more than the bound: the newest, and a count of the others.
    const [missed, ...rest] = await tail({ "last-event-id": "0" }, 5);
    expect(missed).toBe("event: missed\ndata: 1");
    expect(ids(rest)).toEqual([1000, 2000, 3000, 4000]);
    const wrong = await fetch(`${bed.api.url}/v1/flows/follow`, {
      headers: { "last-event-id": "x" },
    });
    expect(wrong.status).toBe(400);
  });
});

describe("what seldom changes", () => {
  const ask = (path: string, known: string) =>
    fetch(bed.api.url + path, { headers: { "if-none-match": known } });

  it.each(["/v1/tables", "/v1/policies", "/v1/policies/history"])(
    "%s carries an ETag, and is not sent again",
    async (path) => {
      const first = await bed.get(path);
      const tag = first.headers.get("etag") ?? "";
      expect(Array.isArray(await first.json())).toBe(true);
      for (const known of [tag, `W/${tag}`, `"other", ${tag}`]) {
        const again = await ask(path, known);
        expect([again.status, await again.text()]).toEqual([304, ""]);
      }
      expect((await ask(path, '"other"')).status).toBe(200);
    },
  );

  it("is sent once it has changed", async () => {
    const tag = (await bed.get("/v1/policies/history")).headers.get("etag") ?? "";
    await bed.store.command(
      `INSERT INTO policy_generations (generation, revision, mode, valid_from) VALUES
       (900, 1, 'enforce', '2026-01-01 00:00:00')`,
    );
    expect((await ask("/v1/policies/history", tag)).status).toBe(200);
  });
});

describe("a filter that is being written", () => {
  const complete = async (asked: Record<string, string>): Promise<[number, string[]]> => {
    const answer = await bed.get(`/v1/complete?${new URLSearchParams(asked).toString()}`);
    const { from, items } = (await answer.json()) as CompletionAnswer;
    return [from, items.map(({ text }) => text)];
  };

  it("is completed with fields, and with the names that there are", async () => {
    await sendWorkloads(bed.bus, livePod("completed", "10.9.9.9"));
    while ((await complete({ filter: "src.workload = comp" }))[1].length === 0)
      await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await complete({ filter: "src.workload = comp" })).toEqual([15, ["completed"]]);
    expect(await complete({ filter: "src.pod = comp" })).toEqual([10, ["completed-0"]]);
    const [from, fields] = await complete({ filter: "src.names and more", at: "9" });
    expect([from, fields]).toEqual([0, ["src.namespace"]]);
    expect((await complete({ filter: "verdict = d" }))[1]).toEqual(["denied"]);
    expect((await bed.get("/v1/complete?at=-1")).status).toBe(400);
  });
});
