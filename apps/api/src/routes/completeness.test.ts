import { describe, expect, it } from "@jest/globals";
import type { Completeness } from "@weir/query";
import fastify from "fastify";
import { completenessHeader } from "./completeness.ts";

async function sent(node: string): Promise<Completeness> {
  const server = fastify();
  server.get("/", (_request, reply) => {
    completenessHeader(reply, {
      ...{ verdict: "incomplete", from: "a", to: "b", lost: { map: 1 }, unexplained: 2 },
      nodes: [{ node, lost: { map: 1 }, unexplained: 2 }],
    });
    return reply.send("rows");
  });
  const answer = await server.inject("/");
  const text = String(answer.headers["weir-completeness"]);
  expect(text).toMatch(/^[ -~]{1,8192}$/);
  return JSON.parse(text) as Completeness;
}

describe("the verdict as a header", () => {
  it.each(["n1", "n\u00e9\u{1f41f}\r\nset-cookie: x"])("carries a node named %j", async (node) => {
    expect((await sent(node)).nodes).toEqual([{ node, lost: { map: 1 }, unexplained: 2 }]);
  });

  it("is never larger than clients take", async () => {
    expect(await sent("\u00e9".repeat(5000))).toMatchObject({
      ...{ verdict: "incomplete", unexplained: 2, nodes: [], moreNodes: 1 },
    });
  });
});
