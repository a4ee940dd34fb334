import { readFileSync } from "node:fs";
import { describe, expect, it } from "@jest/globals";
import fastify from "fastify";
import { apiConfig } from "./config.ts";
import { addRoutes } from "./routes/all.ts";
import type { Context } from "./routes/context.ts";

const contract = readFileSync(
  new URL("../../../schemas/api/openapi.yaml", import.meta.url),
  "utf8",
);

/** `GET /v1/status` and so on, as the contract has them. */
function promised(): string[] {
  const paths = contract.slice(contract.indexOf("\npaths:"), contract.indexOf("\ncomponents:"));
  let path = "";
  const found: string[] = [];
  for (const line of paths.split("\n")) {
    path = /^ {2}(\/\S*):$/.exec(line)?.[1] ?? path;
    const method = /^ {4}(get|post|put|delete|patch):$/.exec(line)?.[1];
    if (method !== undefined) found.push(`${method.toUpperCase()} ${path}`);
  }
  return found.sort();
}

describe("schemas/api/openapi.yaml", () => {
  it("has exactly the routes of the server", () => {
    const routes: string[] = [];
    const server = fastify({ exposeHeadRoutes: false });
    server.addHook("onRoute", ({ method, url }) => {
      const path = url.replaceAll(/:(\w+)/g, "{$1}");
      for (const one of [method].flat()) if (one !== "HEAD") routes.push(`${one} ${path}`);
    });
    addRoutes(server, { config: apiConfig.parse({}) } as Context);
    expect(routes.sort()).toEqual(promised());
    expect(routes.length).toBeGreaterThan(12);
  });

  it("refers only to what it has", () => {
    const references = [...contract.matchAll(/#\/components\/(\w+)\/(\w+)/g)];
    const missing = references.filter(([, group, name]) => {
      const from = contract.indexOf(`\n  ${group}:`);
      return from < 0 || !new RegExp(`\\n {4}${name}:`).test(contract.slice(from));
    });
    expect(missing.map(([text]) => text)).toEqual([]);
  });
});
