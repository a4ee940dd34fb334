import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { labCounts, shopManifests } from "@weir/lab";
import { leftSince, leftovers } from "./leftovers.ts";
import { Station, eventually, ok, rows, weir } from "./process.ts";

const listen = "127.0.0.1:17791";
const env = { WEIR_API: `http://${listen}` };

interface FlowLine {
  source: { pod?: string; workload?: string };
  destination: { pod?: string; workload?: string; ip: string; port?: number };
  verdict: string;
  reason: string;
  generation: number;
}

/** The shop as it is, but for an intruder that waits less. */
function hastenedShop(directory: string): string {
  const shop = join(directory, "shop");
  mkdirSync(shop, { recursive: true });
  for (const file of readdirSync(shopManifests)) {
    const text = readFileSync(join(shopManifests, file), "utf8");
    writeFileSync(
      join(shop, file),
      text.replace("START_AFTER, value: 60s", "START_AFTER, value: 25s"),
    );
  }
  return shop;
}

async function requests(): Promise<{ ok: number; failed: number }> {
  const counts = await labCounts({ name: "shop" });
  const [, generator] =
    Object.entries(counts).find(([pod]) => pod.startsWith("shop/load-generator")) ?? [];
  const call = generator?.calls["FRONTEND_ADDR"];
  if (!call) throw new Error("the load generator counts no calls");
  return { ok: call.ok, failed: call.failed };
}

describe("the loop, with the shop", () => {
  const directory = mkdtempSync(join(tmpdir(), "loop-"));
  const data = join(directory, "data");
  const suggestion = join(directory, "p.yaml");
  let before: string[];
  let up: Station;

  const start = async () => {
    up = Station.weir([
      ...["up", "--lab", join(directory, "shop"), "--interfaces", "none"],
      ...["--data", data, "--listen", listen],
    ]);
    await eventually(() => ok(["status", "-o", "json"], { env }), 60_000);
  };

  beforeAll(async () => {
    hastenedShop(directory);
    before = await leftovers();
    await start();
  }, 120_000);

  afterAll(async () => {
    if (up?.running) await up.stop("SIGINT", 60_000);
    rmSync(directory, { recursive: true, force: true });
  }, 90_000);

  it("prints flows with pod names as they happen", async () => {
    await up.says(/frontend-\S+.*(cart|catalogue|checkout)-/, 30_000);
  });

  it("answers with names", async () => {
    await eventually(async () => {
      const edges = rows<{ src_workload: string; dst_workload: string; dst_port: number }>(
        await ok(
          [
            "sql",
            "SELECT src_workload, dst_workload, dst_port, sum(bytes) FROM flows GROUP BY ALL",
            "-o",
            "json",
          ],
          { env },
        ),
      ).map((row) => `${row.src_workload} ${row.dst_workload} ${row.dst_port}`);
      for (const edge of [
        "load-generator frontend 8080",
        "frontend cart 7070",
        "cart database 5432",
        "checkout payment 50051",
      ])
        expect(edges).toContain(edge);
    }, 30_000);
  }, 40_000);

  it("suggests a policy for each workload, from answered connections alone", async () => {
    const text = await eventually(async () => {
      const suggested = await ok(["policy", "suggest", "--namespace", "shop", "-o", "yaml"], {
        env,
      });
      for (const workload of ["cart", "catalogue", "checkout", "database", "frontend", "payment"])
        expect(suggested).toMatch(new RegExp(`app: ${workload}\\b`));
      expect(suggested).toMatch(/k8s-app: kube-dns/);
      return suggested;
    }, 30_000);
    expect(text).not.toMatch(/pod-template-hash/);
    expect(text).not.toMatch(/app: intruder[\s\S]*ingress:\s*\n\s*- from/);
    writeFileSync(suggestion, text);
  }, 40_000);

  it("applies it, and the kernel refuses the intruder while the shop goes on", async () => {
    const applied = await ok(["policy", "apply", "-f", suggestion], { env });
    expect(applied).toMatch(/generation/i);
    const calm = await requests();
    await eventually(async () => {
      const denied = rows<FlowLine>(
        await ok(["flows", "--verdict", "denied", "--since", "2m", "-o", "json"], { env }),
      );
      const byIntruder = denied.filter((flow) => flow.source.workload === "intruder");
      expect(byIntruder.length).toBeGreaterThan(3);
      expect(byIntruder[0]?.reason).toMatch(/default-deny/);
      expect(byIntruder[0]?.generation).toBeGreaterThan(0);
      // Nobody else is refused anything.
      expect(denied.filter((flow) => flow.source.workload !== "intruder")).toEqual([]);
    }, 60_000);
    await eventually(async () => {
      const now = await requests();
      expect(now.failed).toBe(calm.failed);
      expect(now.ok).toBeGreaterThan(calm.ok + 20);
    }, 40_000);
  }, 120_000);

  it("joins what happened to the text that decided it", async () => {
    const joined = rows<{ n: number; text: string }>(
      await ok(
        [
          "sql",
          `SELECT count() AS n, any(p.text) AS text FROM flows AS f
           JOIN policies AS p ON p.generation = f.generation
           WHERE f.verdict = 'denied' AND p.namespace = 'shop'`,
          ...["-o", "json"],
        ],
        { env },
      ),
    );
    expect(joined[0]?.n).toBeGreaterThan(0);
    expect(joined[0]?.text).toMatch(/kind: NetworkPolicy/);
  });

  it.each([
    ["does not parse", "kind: NetworkPolicy\n  spec: [", /bad\.yaml:\d+/],
    ["names an impossible port", policyText({ port: 70_000 }), /bad\.yaml:\d+.*(65535|port)/is],
    ["selects nothing", policyText({ app: "nobody" }), /bad\.yaml:\d+.*select/is],
  ])("refuses a policy that %s, and keeps the one in force", async (_what, text, expected) => {
    const inForce = await ok(["policy", "list", "-o", "json"], { env });
    const file = join(directory, "bad.yaml");
    writeFileSync(file, text);
    const refused = await weir(["policy", "apply", "-f", file], { env });
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(expected);
    expect(await ok(["policy", "list", "-o", "json"], { env })).toBe(inForce);
  });

  it("has policies and history again after Ctrl-C and a new start on the same data", async () => {
    const policies = rows<{ name: string }>(await ok(["policy", "list", "-o", "json"], { env }));
    const [held] = rows<{ n: number }>(
      await ok(["sql", "SELECT count() AS n FROM flows", "-o", "json"], { env }),
    );
    expect(await up.stop("SIGINT", 60_000)).toBe(0);
    await start();
    const after = rows<{ name: string }>(await ok(["policy", "list", "-o", "json"], { env }));
    expect(after.map((one) => one.name)).toEqual(policies.map((one) => one.name));
    const [now] = rows<{ n: number }>(
      await ok(["sql", "SELECT count() AS n FROM flows", "-o", "json"], { env }),
    );
    expect(now?.n).toBeGreaterThanOrEqual(held?.n ?? 1);
    const status = JSON.parse(await ok(["status", "-o", "json"], { env })) as {
      policy: { mode: string };
    };
    expect(status.policy.mode).toBe("enforce");
  }, 120_000);

  it("leaves nothing behind after kill -9, once it has been started again", async () => {
    await up.stop("SIGKILL");
    await start();
    expect(await up.stop("SIGINT", 60_000)).toBe(0);
    rmSync(directory, { recursive: true, force: true });
    expect(await leftSince(before)).toEqual([]);
  }, 150_000);
});

function policyText({ app = "cart", port = 80 }: { app?: string; port?: number }): string {
  return `apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: { name: bad, namespace: shop }
spec:
  podSelector:
    matchLabels: { app: ${app} }
  ingress:
    - ports:
        - port: ${port}
`;
}
