import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { topics } from "@weir/bus";
import { createFlowEncoder, flowLayout, flowRecordBytes, parseAddress } from "@weir/codec";
import { type Controller, controllerConfig, startController } from "@weir/controller";
import { silentLog } from "@weir/runtime";
import type {
  EnactedAnswer,
  FlowLine,
  HistoryLine,
  PolicyLine,
  Status,
  TableLine,
} from "./answers.ts";
import { type Bed, followAsNode, openBed, pod, sendWorkloads } from "./testing.ts";

const policy = (app: string, port = 80): string => `apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {namespace: shop, name: ${app}}
spec:
  podSelector: {matchLabels: {app: ${app}}}
  ingress: [{ports: [{port: ${port}}]}]
`;

interface Problem {
  status: number;
  detail: string;
  problems?: string[];
}

describe("the API over a real engine", () => {
  let bed: Bed;
  let controller: Controller;
  let refusal: string | undefined;
  const apply = (text: string, more: object = {}): Promise<Response> =>
    bed.post("/v1/policies", { files: [{ file: "p.yaml", text }], ...more });

  beforeAll(async () => {
    bed = await openBed({ apply: { confirmTimeoutMs: 2000 } });
    // Sources are none: what the table of workloads says is the test's own.
    const config = controllerConfig.parse({ labs: false, host: false, rescanMs: 50 });
    controller = await startController(config, { bus: bed.bus, log: silentLog() });
    await sendWorkloads(bed.bus, pod("cart", "10.0.0.1"), pod("database", "10.0.0.2"));
    await followAsNode(bed.bus, "n1", () => refusal);
  });
  afterAll(async () => {
    await controller.stop();
    await bed[Symbol.asyncDispose]();
  });

  it("says how it stands", async () => {
    const status = (await (await bed.get("/v1/status")).json()) as Status;
    expect(status).toMatchObject({
      ready: true,
      bus: { kind: "memory", lag: 0 },
      store: { kind: "embedded", rows: 0 },
      collectors: [
        { node: "n1", attached: ["veth0 (shop/cart-0)"], lost: { ring: 0, map: 0, spool: 0 } },
      ],
    });
    expect((await bed.get("/readyz")).status).toBe(200);
    expect(await (await bed.get("/metrics")).text()).toContain("weir_api_received_total");
  });

  it("applies a policy and answers when every node holds it", async () => {
    const answer = (await (await apply(policy("cart"))).json()) as EnactedAnswer;
    expect(answer).toMatchObject({
      applied: ["shop/cart"],
      nodes: ["n1"],
      changed: true,
      mode: "enforce",
    });
    const again = (await (await apply(policy("cart"))).json()) as EnactedAnswer;
    expect(again).toMatchObject({ generation: answer.generation, changed: false });
    const [line] = (await (await bed.get("/v1/policies")).json()) as PolicyLine[];
    expect(line).toMatchObject({ namespace: "shop", name: "cart", inForce: true, author: "api" });
  });

  it.each([
    ["does not parse", "kind: [", /^p\.yaml:\d+:\d+: error/],
    ["names an impossible port", policy("cart", 70_000), /^p\.yaml:6:\d+: error: .*70000/],
    ["selects nothing", policy("nobody"), /^p\.yaml:5:\d+: error: .*selects nothing/],
  ])("refuses a text that %s, and changes nothing", async (_what, text, expected) => {
    const before = await (await bed.get("/v1/policies")).text();
    const response = await apply(`${policy("database")}---\n${text}`.replace(/^[\s\S]*---\n/, ""));
    expect(response.status).toBe(422);
    expect(response.headers.get("content-type")).toMatch("application/problem+json");
    expect(((await response.json()) as Problem).problems?.[0]).toMatch(expected);
    expect(await (await bed.get("/v1/policies")).text()).toBe(before);
  });

  it("says which node does not hold it, and why", async () => {
    refusal = "no room for 2 entries";
    const response = await apply(policy("database"));
    refusal = undefined;
    expect(response.status).toBe(504);
    expect(((await response.json()) as Problem).problems).toEqual([
      expect.stringMatching(/^n1: holds generation \d+; no room for 2 entries$/),
    ]);
  });

  it("deletes, and explains what is in force", async () => {
    const question = "/v1/explain?from=shop/cart&to=shop/database&port=22";
    const before = (await (await bed.get(question)).json()) as {
      verdict: string;
      edits: unknown[];
    };
    expect(before).toMatchObject({ verdict: "denied", edits: [{ policy: "shop/database" }] });
    const response = await fetch(`${bed.api.url}/v1/policies/shop/database`, { method: "DELETE" });
    expect(await response.json()).toMatchObject({ deleted: ["shop/database"] });
    expect(await (await bed.get(question)).json()).toMatchObject({ verdict: "allowed" });
    const gone = await fetch(`${bed.api.url}/v1/policies/shop/database`, { method: "DELETE" });
    expect(gone.status).toBe(404);
    expect((await bed.get("/v1/explain?from=shop/nobody&to=shop/cart&port=1")).status).toBe(404);
  });

  it("tails flows live, with names, for as long as somebody listens", async () => {
    const listening = new AbortController();
    const tail = await fetch(`${bed.api.url}/v1/flows/follow?to=shop/database`, {
      signal: listening.signal,
    });
    expect(tail.headers.get("content-type")).toBe("text/event-stream");
    const record = new Uint8Array(flowRecordBytes);
    record.set(parseAddress("10.0.0.1"), flowLayout.src_addr.offset);
    record.set(parseAddress("10.0.0.2"), flowLayout.dst_addr.offset);
    new DataView(record.buffer).setUint16(flowLayout.dst_port.offset, 5432, true);
    record[flowLayout.protocol.offset] = 6;
    const encoder = createFlowEncoder();
    const header = {
      node: "n1",
      bootId: "b",
      block: 1,
      clockOffsetNs: BigInt(Date.now()) * 1_000_000n,
      ...{ rules: [], processes: [], names: [] },
    };
    const message = new Uint8Array(encoder.maxBytes(header, 1));
    const length = encoder.encode(header, record, 1, message);
    await bed.bus.send(topics.flows.name, [{ key: "n1", value: message.subarray(0, length) }]);
    let text = "";
    for await (const chunk of tail.body as unknown as AsyncIterable<Uint8Array>) {
      text += Buffer.from(chunk).toString();
      if (text.includes("data: ")) break;
    }
    listening.abort();
    const flow = JSON.parse(/data: (.*)/.exec(text)?.[1] ?? "{}") as FlowLine;
    expect(flow).toMatchObject({
      source: { namespace: "shop", pod: "cart-0", workload: "cart" },
      destination: { pod: "database-0", port: 5432 },
      protocol: "TCP",
    });
  });

  it("answers SQL, and says what is wrong with it", async () => {
    const rows = await bed.post("/v1/sql", { query: "SELECT number FROM numbers(3)" });
    expect(await rows.text()).toBe('{"number":0}\n{"number":1}\n{"number":2}\n');
    const csv = await bed.post("/v1/sql", { query: "SELECT 1 AS one", format: "CSVWithNames" });
    expect(await csv.text()).toBe('"one"\n1\n');
    const wrong = await bed.post("/v1/sql", { query: "SELEC 1" });
    expect(wrong.status).toBe(422);
    expect(((await wrong.json()) as Problem).detail).toMatch(/SELEC/);
    expect(
      (await bed.post("/v1/sql", { query: "INSERT INTO flows SELECT * FROM flows" })).status,
    ).toBe(422);
    expect((await bed.post("/v1/sql", { query: "SELECT 1", format: "Native" })).status).toBe(400);
  });

  it("teaches the schema", async () => {
    const tables = (await (await bed.get("/v1/tables")).json()) as TableLine[];
    const flows = tables.find((table) => table.name === "flows");
    expect(flows?.columns?.find((column) => column.name === "src_ip")?.doc).not.toBe("");
    expect(tables.every((table) => table.doc !== "")).toBe(true);
  });

  it("takes questions apart before it asks them", async () => {
    expect((await bed.get("/v1/flows?since=yesterday")).status).toBe(400);
    expect((await bed.get("/v1/flows?from=a/b/c")).status).toBe(400);
    expect((await bed.get("/v1/flows?verdict=maybe")).status).toBe(400);
    expect(await (await bed.get("/v1/flows?since=1h&verdict=denied")).text()).toBe("");
    expect(await (await bed.get("/v1/ledger?since=1h")).json()).toMatchObject({ nodes: [] });
    expect(await (await bed.get("/v1/suggestions?namespace=shop")).json()).toEqual([]);
    expect((await bed.get("/v1/suggestions?workload=cart")).status).toBe(400);
    expect((await bed.get("/v1/nothing")).status).toBe(404);
  });

  it("keeps pages of other sites out", async () => {
    const foreign = await fetch(`${bed.api.url}/v1/status`, {
      headers: { origin: "http://evil.example" },
    });
    expect(foreign.status).toBe(403);
    // fetch sets Host itself: a name that was made to point here has to be sent by hand.
    const { port } = new URL(bed.api.url);
    const answer = await new Promise<string>((resolve) => {
      const socket = connect(Number(port), "127.0.0.1", () => {
        socket.write("GET /v1/status HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n");
      });
      let text = "";
      socket.on("data", (chunk) => (text += chunk.toString()));
      socket.on("close", () => resolve(text));
    });
    expect(answer).toMatch(/^HTTP\/1\.1 403/);
  });

  it("rolls back to what an earlier generation held", async () => {
    const history = async (): Promise<HistoryLine[]> =>
      (await (await bed.get("/v1/policies/history")).json()) as HistoryLine[];
    expect(Array.isArray(await history())).toBe(true);
    const back = (await (
      await bed.post("/v1/policies/rollback", { to: 0 })
    ).json()) as EnactedAnswer;
    expect(back).toMatchObject({ deleted: ["shop/cart"], changed: true });
    expect((await bed.post("/v1/policies/rollback", { to: 99 })).status).toBe(400);
  });
});

describe("the API's door", () => {
  it("does not open beyond this machine without a token", async () => {
    await expect(openBed({ listen: "0.0.0.0:0" })).rejects.toThrow(/tokenFile/);
  });

  it("says which option chooses another address when this one is taken", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const { port } = other.address() as AddressInfo;
    await expect(openBed({ listen: `127.0.0.1:${port}` })).rejects.toThrow(
      /taken by another process.*--listen/,
    );
    other.close();
  });
});
