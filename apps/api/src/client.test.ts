import { readFileSync } from "node:fs";
import { Agent, type IncomingMessage } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { type Controller, controllerConfig, startController } from "@weir/controller";
import { silentLog } from "@weir/runtime";
import type { AxiosResponse } from "axios";
import { type Document, type OpenAPIClient, OpenAPIClientAxios } from "openapi-client-axios";
import { parse } from "yaml";
import { type Bed, followAsNode, openBed, pod, sendWorkloads } from "./testing.ts";
import { type Schema, faults } from "./testing-schema.ts";

// A client that nobody wrote: made from the contract, and used on a running API for each of its
// operations; what is answered is held against what the contract says of it.

interface Operation {
  responses: Record<string, { $ref?: string; content?: Record<string, { schema?: Schema }> }>;
}
interface Contract {
  paths: Record<string, Record<string, Operation>>;
  components: Record<string, Record<string, Schema>>;
}

const text = readFileSync(new URL("../../../schemas/api/openapi.yaml", import.meta.url), "utf8");
const contract = parse(text) as Contract;
let bed: Bed;
let controller: Controller;
let client: OpenAPIClient;

const policy = `apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {namespace: shop, name: cart}
spec: {podSelector: {matchLabels: {app: cart}}, ingress: [{from: [{podSelector: {matchLabels: {app: database}}}], ports: [{port: 80}]}]}
`;

beforeAll(async () => {
  bed = await openBed({ follow: { settleMs: 0 } });
  const config = controllerConfig.parse({ labs: false, host: false, rescanMs: 50 });
  controller = await startController(config, { bus: bed.bus, log: silentLog() });
  await sendWorkloads(bed.bus, pod("cart", "10.0.0.1"), pod("database", "10.0.0.2"));
  await followAsNode(bed.bus, "n1");
  await bed.store.command(`INSERT INTO flows
    (time, start, last, node, direction, src_kind, src_namespace, src_workload, src_pod, src_addr, dst_kind, dst_namespace, dst_workload, dst_pod, dst_port, protocol, connections, verdict)
    SELECT now64(6) - 1 AS at, at, at, 'n1', 'egress', 'pod', 'shop', 'database', 'database-0', toIPv6('10.0.0.2'), 'pod', 'shop', 'cart', 'cart-0', number, 'TCP', 1, 'denied' FROM numbers(3)`);
  await bed.store
    .command(`INSERT INTO events (time, node, boot_id, kind, namespace, workload, pod, text, fields)
    SELECT now64(6) - 1, 'n1', 'b', 'policy-error', 'shop', 'cart', 'cart-0', 'why', map('a', 'b') FROM numbers(2)`);
  await bed.store
    .command(`INSERT INTO dead_letters (time, topic, partition, offset, function, reason, value)
    SELECT now64(6) - 1, 'weir.flows.v1', 0, number, 'enrich-flows', 'why', '' FROM numbers(2)`);
  await bed.store
    .command(`INSERT INTO ledger (time, node, boot_id, blocks, produced, lost, counters)
    SELECT now64(6) - 60 + number, 'n1', 'b', number, number, map('ring', number), map('last_block', number) FROM numbers(2)`);
  await bed.store.command(`INSERT INTO workload_records
    (kind, namespace, name, uid, workload, labels, addresses, port_names, port_numbers, port_protocols, since, recorded)
    SELECT 'pod', 'shop', arrayJoin(['cart', 'database']) AS app, app, app, map('app', app), ['::ffff:10.0.0.1'], ['http'], [80], ['TCP'], now64(6) - 3600, now64(6) - 3600`);
  const axiosConfigDefaults = {
    validateStatus: () => true,
    responseType: "text" as const,
    // Server and client are one process: a connection that is kept may close as it is used again.
    httpAgent: new Agent({ keepAlive: false }),
  };
  const definition = parse(text) as Document;
  client = await new OpenAPIClientAxios({
    definition,
    axiosConfigDefaults,
  }).getClient<OpenAPIClient>();
  client.defaults.baseURL = bed.api.url;
}, 60_000);

afterAll(async () => {
  await controller.stop();
  await bed[Symbol.asyncDispose]();
});

type Parameters = Record<string, string | number>;
/** Every operation that there is, with what it is asked, in this order; and the status. */
const calls: [string, Parameters?, unknown?, number?][] = [
  ["get /healthz"],
  ["get /readyz"],
  ["get /metrics"],
  ["get /v1/status"],
  ["post /v1/policies", {}, { files: [{ file: "p.yaml", text: policy }] }],
  ["get /v1/policies"],
  ["get /v1/policies/history"],
  ["get /v1/flows", { since: "1h", filter: "dst.port in (1, 2)", limit: 1 }],
  ["get /v1/flows", { filter: "dst.prt = 1" }, undefined, 400],
  ["get /v1/edges", { since: "1h" }],
  ["get /v1/flows/follow", { "Last-Event-ID": "0" }],
  ["get /v1/events", { since: "1h", limit: 1 }],
  ["get /v1/events/follow", { "Last-Event-ID": "0" }],
  ["get /v1/dead-letters", { limit: 1 }],
  ["post /v1/dead-letters/replay", {}, { letters: ["weir.flows.v1:0:1", "a:0:1"] }],
  ["post /v1/sql", {}, { query: "SELECT count() AS n FROM flows" }],
  ["post /v1/sql", {}, { query: "SELEC 1" }, 422],
  ["get /v1/sql/running"],
  ["get /v1/complete", { filter: "src.na" }],
  ["get /v1/tables"],
  ["get /v1/ledger", { since: "1h" }],
  ["get /v1/suggestions", { namespace: "shop" }],
  ["get /v1/reach", { to: "shop/cart" }],
  ["get /v1/reach", { to: "shop/nobody", port: 1 }, undefined, 404],
  ["get /v1/reach/between", { to: "shop/cart", since: "30m" }],
  ["post /v1/replay", {}, { files: [{ file: "p.yaml", text: policy }] }],
  ["get /v1/explain", { from: "shop/cart", to: "shop/database", port: 80 }],
  ["delete /v1/policies/{namespace}/{name}", { namespace: "shop", name: "cart" }],
  ["delete /v1/policies/{namespace}/{name}", { namespace: "shop", name: "no" }, undefined, 404],
  ["post /v1/policies/rollback", {}, { to: 0 }],
];

/** Looks up references within the contract. */
function resolved<T extends object>(found: T & { $ref?: string }): T {
  if (found.$ref === undefined) return found;
  const steps = found.$ref.split("/").slice(1);
  const step = (at: unknown, name: string): unknown => (at as Record<string, unknown>)[name];
  return steps.reduce<unknown>(step, contract) as T;
}

/** The answer's body as the contract's schema sees it: an object, or each line of one. */
async function bodiesOf(answer: AxiosResponse<unknown>, type: string): Promise<unknown[]> {
  if (type === "text/event-stream") {
    const stream = answer.data as IncomingMessage;
    let read = "";
    for await (const chunk of stream) {
      read += String(chunk);
      if (/^data: .*$/m.test(read)) break;
    }
    return [read];
  }
  const body = String(answer.data);
  const lines = type === "application/x-ndjson" ? body.trim().split("\n") : [body];
  return type.includes("json") ? lines.map((line) => JSON.parse(line) as unknown) : lines;
}

describe("a client generated from schemas/api/openapi.yaml", () => {
  it("is used for every operation of the contract", () => {
    const promised = Object.entries(contract.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method} ${path}`),
    );
    expect([...new Set(calls.map(([name]) => name))].toSorted()).toEqual(promised.toSorted());
  });

  it.each(calls)("%s %j", async (name, parameters = {}, body, status = 200) => {
    const [method = "", path = ""] = name.split(" ");
    const call = client.paths[path]?.[method as "get"];
    const isTail = path.endsWith("/follow");
    const config = isTail ? { responseType: "stream" as const } : {};
    const answer: AxiosResponse<unknown> = (await call?.(parameters, body, config)) as never;
    expect({ status: answer.status, is: status }).toEqual({ status, is: status });
    const operation = contract.paths[path]?.[method];
    const response = resolved(operation?.responses[String(status)] ?? {});
    const [type = ""] = String(answer.headers["content-type"]).split(";");
    const promised = response.content?.[type];
    expect({ promised: Object.keys(response.content ?? {}) }).toEqual({
      promised: expect.arrayContaining([type]),
    });
    const bodies = await bodiesOf(answer, type);
    expect(bodies.length).toBeGreaterThan(0);
    const { schema } = promised ?? {};
    if (schema !== undefined)
      expect(bodies.flatMap((one) => faults(one, schema, resolved))).toEqual([]);
  });
});

describe("the check of answers", () => {
  const schema: Schema = {
    type: "object",
    required: ["a"],
    properties: { a: { type: "integer" }, b: { enum: ["x"] }, c: { type: ["string", "null"] } },
  };

  it.each([
    [{ a: 1, b: "x", c: null }, []],
    [{ a: 1.5 }, ["a: number is not integer"]],
    [{ b: "y" }, ["a: is missing", 'b: "y" is not one of x']],
    [{ a: 1, d: 1 }, ["d: the contract does not have it"]],
    [[], ["array is not object"]],
  ])("%j", (value, expected) => {
    expect(faults(value, schema, resolved)).toEqual(expected);
  });
});
