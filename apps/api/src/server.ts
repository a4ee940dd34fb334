import { readFileSync } from "node:fs";
import { timingSafeEqual } from "node:crypto";
import type { Log, Metrics } from "@weir/runtime";
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import type { ApiConfig } from "./config.ts";
import { parseListen } from "./listen.ts";
import { Problem, asProblem } from "./problem.ts";

/** Paths that a probe or a scraper asks without a token. */
const open = new Set(["/healthz", "/readyz"]);

/** How often it is looked for requests that do not come to their end. */
const checkIntervalMs = 1000;

/** The HTTP server with its limits and its errors, before any route. Throws on a listen address
 * that must not be opened without a token. */
export function createServer(config: ApiConfig, log: Log, metrics: Metrics): FastifyInstance {
  const listen = parseListen(config.listen);
  if (!listen.loopback && config.tokenFile === undefined) {
    throw new Error(
      `listen: ${config.listen} can be reached from outside, and everybody who reaches it could change policy. Give --token-file FILE (tokenFile in the settings), or listen on 127.0.0.1`,
    );
  }
  const server = fastify({
    bodyLimit: config.maxBodyBytes,
    requestTimeout: config.requestTimeoutMs,
    http: {
      // Node looks every 30 s, and takes the longer of both for a whole request.
      connectionsCheckingInterval: Math.min(config.requestTimeoutMs, checkIntervalMs),
      headersTimeout: config.requestTimeoutMs,
    },
    connectionTimeout: 0,
    keepAliveTimeout: 5000,
    forceCloseConnections: true,
    return503OnClosing: false,
    logger: false,
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 512 },
  });
  server.server.maxConnections = config.maxConnections;
  guardOrigin(server, listen.loopback);
  if (config.tokenFile !== undefined) guardToken(server, config.tokenFile);
  takeText(server);
  answerProblems(server, log, metrics);
  return server;
}

/** A page of another site must not reach the API through the browser of somebody on this machine. */
function guardOrigin(server: FastifyInstance, loopback: boolean): void {
  server.addHook("onRequest", async (request) => {
    const origin = request.headers.origin;
    const host = request.headers.host ?? "";
    if (origin !== undefined && origin !== `http://${host}`) {
      throw new Problem(403, "another origin", `a page of ${origin} may not ask this API`);
    }
    const name = host.replace(/:\d+$/, "");
    if (loopback && !/^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(name)) {
      throw new Problem(403, "another host", `this API answers to 127.0.0.1, not to ${name}`);
    }
  });
}

function guardToken(server: FastifyInstance, file: string): void {
  const expected = Buffer.from(`Bearer ${readFileSync(file, "utf8").trim()}`);
  if (expected.length < "Bearer ".length + 16) {
    throw new Error(
      `tokenFile: ${file} holds less than 16 characters; make one: openssl rand -hex 32`,
    );
  }
  server.addHook("onRequest", async (request, reply) => {
    if (open.has(request.url)) return;
    const given = Buffer.from(request.headers.authorization ?? "");
    if (given.length === expected.length && timingSafeEqual(given, expected)) return;
    void reply.header("www-authenticate", "Bearer");
    throw new Problem(401, "no token", "send the token: WEIR_TOKEN_FILE=FILE for the command line");
  });
}

/** Policies come as YAML, SQL as JSON or text. */
function takeText(server: FastifyInstance): void {
  const types = ["application/yaml", "application/x-yaml", "text/yaml", "text/plain"];
  server.addContentTypeParser(types, { parseAs: "string" }, (_request, body, done) => {
    done(null, body);
  });
}

function answerProblems(server: FastifyInstance, log: Log, metrics: Metrics): void {
  const counters = metrics.part("http");
  const answer = (error: unknown, request: FastifyRequest, reply: FastifyReply): void => {
    const problem = asProblem(error);
    counters.error(String(problem.status));
    const fields = { method: request.method, path: request.url.slice(0, 200) };
    if (problem.status >= 500) log.error({ ...fields, error }, "a request failed");
    else log.debug({ ...fields, detail: problem.message }, "a request was refused");
    void reply.code(problem.status).type("application/problem+json").send(JSON.stringify(problem));
  };
  server.setErrorHandler((error, request, reply) => answer(error, request, reply));
  server.setNotFoundHandler((request, reply) => {
    const detail = `there is no ${request.method} ${request.url.slice(0, 200)}; schemas/api/openapi.yaml has what there is`;
    answer(new Problem(404, "no such path", detail), request, reply);
  });
  server.addHook("onRequest", async () => counters.received());
  server.addHook("onResponse", async () => counters.sent());
}
