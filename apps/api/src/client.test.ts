import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { AxiosResponse } from "axios";
import { type Document, type OpenAPIClient, OpenAPIClientAxios } from "openapi-client-axios";
import { parse } from "yaml";
import { type Bed, openBed } from "./testing.ts";

// A client that nobody wrote: made from the contract, and used on a running API.

let bed: Bed;
let client: OpenAPIClient;

beforeAll(async () => {
  bed = await openBed();
  const text = readFileSync(new URL("../../../schemas/api/openapi.yaml", import.meta.url), "utf8");
  const definition = parse(text) as Document;
  const axiosConfigDefaults = { validateStatus: () => true, responseType: "text" as const };
  const made = new OpenAPIClientAxios({ definition, axiosConfigDefaults });
  client = await made.getClient<OpenAPIClient>();
  client.defaults.baseURL = bed.api.url;
});

afterAll(async () => {
  await bed[Symbol.asyncDispose]();
});

describe("a client generated from schemas/api/openapi.yaml", () => {
  it("asks questions with parameters", async () => {
    await bed.store.command(`INSERT INTO flows (time, start, last, node, dst_port, verdict)
      SELECT now64(6) - 1 AS at, at, at, 'n1', number, 'denied' FROM numbers(3)`);
    const flows = client.paths["/v1/flows"];
    const answer = await flows?.get?.({ since: "1h", filter: "dst.port in (1, 2)", limit: 1 });
    expect(answer?.status).toBe(200);
    expect(answer?.headers["weir-next"]).toMatch(/^\d+-1$/);
    expect(JSON.parse(String(answer?.data))).toMatchObject({ node: "n1", verdict: "denied" });
    const wrong = await flows?.get?.({ filter: "dst.prt = 1" });
    expect(wrong?.status).toBe(400);
    expect(String(wrong?.headers["content-type"])).toContain("application/problem+json");
  });

  it("sends a body", async () => {
    const sql = client.paths["/v1/sql"];
    const answer = await sql?.post?.(undefined, { query: "SELECT 1 AS n" });
    expect([answer?.status, String(answer?.data).trim()]).toEqual([200, '{"n":1}']);
  });

  it("fills in places of a path", async () => {
    const policy = client.paths["/v1/policies/{namespace}/{name}"];
    const answer = await policy?.delete?.({ namespace: "shop", name: "nobody" });
    expect(answer?.status).toBe(404);
  });

  it("can reach every path that takes no more than parameters", async () => {
    const asked = Object.keys(client.paths).filter(
      (path) => !/[{]|follow|reach|explain/.test(path),
    );
    expect(asked.length).toBeGreaterThan(10);
    for (const path of asked) {
      const get = client.paths[path]?.get;
      if (get === undefined) continue;
      const answer: AxiosResponse<unknown> = await get();
      expect({ path, status: answer.status }).toEqual({ path, status: 200 });
    }
  });
});
