import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type Socket, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { type Bed, openBed } from "./testing.ts";

const token = "0123456789abcdef0123";
let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "weir-api-limits-"));
  writeFileSync(join(directory, "token"), `${token}\n`);
  writeFileSync(join(directory, "short"), "hunter2\n");
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe("an API that asks for a token", () => {
  let bed: Bed;
  beforeAll(async () => {
    bed = await openBed({ listen: "0.0.0.0:0", tokenFile: join(directory, "token") });
  });
  afterAll(async () => {
    await bed[Symbol.asyncDispose]();
  });
  const ask = (path: string, authorization?: string): Promise<Response> =>
    fetch(`http://127.0.0.1:${new URL(bed.api.url).port}${path}`, {
      headers: authorization === undefined ? {} : { authorization },
    });

  it("answers who has it, and tells who has not how to send it", async () => {
    expect((await ask("/v1/status", `Bearer ${token}`)).status).toBe(200);
    for (const wrong of [undefined, "", token, `Bearer ${token}x`, `Bearer ${token.slice(1)}`]) {
      const answer = await ask("/v1/status", wrong);
      expect(answer.status).toBe(401);
      expect(answer.headers.get("www-authenticate")).toBe("Bearer");
      expect(await answer.json()).toMatchObject({
        detail: expect.stringContaining("WEIR_TOKEN_FILE"),
      });
    }
  });

  it("asks it for everything but the probes", async () => {
    for (const open of ["/healthz", "/readyz"]) expect((await ask(open)).status).toBe(200);
    for (const path of ["/metrics", "/v1/flows", "/v1/flows/follow", "/v1/nothing", "/healthz?x"])
      expect({ path, status: (await ask(path)).status }).toEqual({ path, status: 401 });
  });
});

describe("a token that could be guessed", () => {
  it("is refused at the start", async () => {
    await expect(openBed({ tokenFile: join(directory, "short") })).rejects.toThrow(
      /less than 16 characters; make one/,
    );
  });
});

describe("an API with little room", () => {
  let bed: Bed;
  const sockets: Socket[] = [];
  beforeAll(async () => {
    bed = await openBed({
      ...{ maxBodyBytes: 2048, maxConnections: 4, requestTimeoutMs: 1000 },
      ...{ query: { maxConcurrent: 1 }, follow: { maxClients: 1 } },
    });
  });
  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.destroy();
  });
  afterAll(async () => {
    await bed[Symbol.asyncDispose]();
  });
  const problem = async (answer: Response): Promise<[number, string]> => {
    expect(answer.headers.get("content-type")).toContain("application/problem+json");
    return [answer.status, ((await answer.json()) as { detail: string }).detail];
  };
  /** What comes on a connection until it is closed. */
  const raw = (text: string): Promise<string> =>
    new Promise((resolve) => {
      let read = "";
      const socket = connect(Number(new URL(bed.api.url).port), "127.0.0.1");
      sockets.push(socket);
      socket.on("connect", () => socket.write(text));
      socket.on("data", (chunk) => (read += chunk.toString()));
      socket.on("error", () => undefined);
      socket.on("close", () => resolve(read));
    });

  it("refuses a body that is too large, and says what to do", async () => {
    const answer = await bed.post("/v1/sql", { query: `SELECT '${"x".repeat(4096)}'` });
    expect(await problem(answer)).toEqual([413, expect.stringContaining("maxBodyBytes")]);
  });

  it("tells who asks beside a statement that runs to come back", async () => {
    const client = new AbortController();
    const running = fetch(`${bed.api.url}/v1/sql`, {
      ...{ method: "POST", signal: client.signal },
      body: "SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 1",
    }).catch(() => undefined);
    const runs = async (): Promise<number> =>
      ((await (await bed.get("/v1/sql/running")).json()) as unknown[]).length;
    while ((await runs()) === 0);
    const answer = await bed.post("/v1/sql", { query: "SELECT 1" });
    expect(answer.headers.get("retry-after")).toBe("1");
    expect(await problem(answer)).toEqual([503, expect.stringContaining("try again")]);
    client.abort();
    await running;
    while ((await runs()) > 0);
  });

  it("has so many live tails, of flows and of events", async () => {
    for (const kind of ["flows", "events"]) {
      const client = new AbortController();
      const { signal } = client;
      await fetch(`${bed.api.url}/v1/${kind}/follow`, { signal });
      const [status, detail] = await problem(await bed.get(`/v1/${kind}/follow`));
      expect([status, detail]).toEqual([503, expect.stringContaining("follow.maxClients")]);
      client.abort();
      let again: Response;
      do again = await fetch(`${bed.api.url}/v1/${kind}/follow`);
      while (again.status === 503);
      expect(again.status).toBe(200);
      await again.body?.cancel();
    }
  });

  it("ends a request that does not come to its end", async () => {
    const head =
      "POST /v1/sql HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/plain\r\nContent-Length: 100\r\n\r\nSELECT";
    expect(await raw(head)).toMatch(/^HTTP\/1\.1 408/);
  });

  it("takes no more connections than it may have", async () => {
    const all = Array.from({ length: 12 }, () =>
      raw("GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"),
    );
    const answers = await Promise.all(all);
    const taken = answers.filter((answer) => answer.startsWith("HTTP/1.1 200")).length;
    expect(taken).toBeGreaterThan(0);
    expect(taken).toBeLessThan(12);
  });
});
