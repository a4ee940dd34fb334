import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Bed, countsExactly } from "./exact-suite.ts";
import { addressesOf, pairManifest, serve } from "./exact.ts";
import { leftSince, leftovers } from "./leftovers.ts";
import { Station, eventually, ok } from "./process.ts";

const listen = "127.0.0.1:17790";
const env = { WEIR_API: `http://${listen}` };

/** stations.test.ts holds the same over a broker. */
describe("weir up, memory bus and embedded store", () => {
  const data = mkdtempSync(join(tmpdir(), "weir-path-"));
  let before: string[];
  let up: Station;
  let server: Station;
  let bed: Bed;

  beforeAll(async () => {
    rmSync(data, { recursive: true, force: true });
    before = await leftovers();
    up = Station.weir([
      ...["up", "--lab", pairManifest, "--interfaces", "none"],
      ...["--data", data, "--listen", listen],
    ]);
    await eventually(() => ok(["status", "-o", "json"], { env }), 60_000);
    bed = { env, server: await addressesOf("pair", "server") };
    server = await serve();
  }, 120_000);

  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
    await up?.[Symbol.asyncDispose]();
    rmSync(data, { recursive: true, force: true });
  });

  countsExactly(() => bed);

  it("leaves nothing behind after Ctrl-C but the data it was asked to keep", async () => {
    await server.stop("SIGTERM");
    expect(await up.stop("SIGINT", 60_000)).toBe(0);
    rmSync(data, { recursive: true, force: true });
    expect(await leftSince(before)).toEqual([]);
  }, 90_000);
});
