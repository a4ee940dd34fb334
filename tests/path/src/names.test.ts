import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Station, eventually, ok, rows } from "./process.ts";

const listen = "127.0.0.1:17794";
const outside = ["198.51.100.10", "2001:db8::10"];

interface FlowLine {
  direction: string;
  source: { pod?: string };
  destination: { ip: string; pod?: string; name?: string };
  dnsName?: string;
  process?: { pid: number; start?: string; executable?: string };
}

/** weather.example is a server that nothing but the lab's DNS server has a name for. */
describe("names of who is no workload", () => {
  const directory = mkdtempSync(join(tmpdir(), "names-"));
  const env = { WEIR_API: `http://${listen}`, WEIR_RUN: join(directory, "run") };
  const networks = join(directory, "networks");
  let up: Station;

  const flows = async (...args: string[]): Promise<FlowLine[]> =>
    rows<FlowLine>(await ok(["flows", "--since", "5m", "-o", "json", ...args], { env }));
  const call = (pod: string, address: string): Promise<string> =>
    ok(["lab", "exec", `outside/${pod}`, "--", "curl", "-s", "-m", "5", `http://${address}/`], {
      env,
    });

  beforeAll(async () => {
    mkdirSync(env.WEIR_RUN);
    const config = join(directory, "weir.yaml");
    writeFileSync(networks, "198.51.100.0/24 documentation\n0.0.0.0/0 everywhere\n");
    writeFileSync(config, `enricher:\n  identity:\n    networksFile: ${networks}\n`);
    up = Station.weir(
      [
        ...["up", "--lab", join(import.meta.dirname, "../manifests/outside.yaml")],
        ...["--interfaces", "none", "--no-flows", "--config", config],
        ...["--data", join(directory, "data"), "--listen", listen],
      ],
      env,
    );
    await eventually(() => ok(["status", "-o", "json"], { env }), 60_000);
  }, 120_000);

  afterAll(async () => {
    if (up?.running) await up.stop("SIGINT", 60_000);
    await up?.[Symbol.asyncDispose]();
    rmSync(directory, { recursive: true, force: true });
  }, 90_000);

  it("are those that the client had asked for, over both families", async () => {
    await eventually(async () => {
      const calls = (await flows("--from", "outside/asker", "--port", "80")).filter((flow) =>
        outside.includes(flow.destination.ip),
      );
      expect(new Set(calls.map((flow) => flow.destination.ip))).toEqual(new Set(outside));
      for (const flow of calls)
        expect(flow).toMatchObject({
          destination: { name: "weather.example" },
          dnsName: "weather.example",
        });
    }, 30_000);
    const table = await ok(["flows", "--since", "5m", "--to", "weather.example"], { env });
    expect(table).toMatch(/outside\/asker +→ +weather\.example:80 /);
    const filtered = await flows("--filter", 'dns.name = "weather.example" and dst.port = 80');
    expect(new Set(filtered.map((flow) => flow.destination.ip))).toEqual(new Set(outside));
  }, 60_000);

  it("are nobody's who did not ask: the list of networks says what is left to say", async () => {
    for (const address of ["198.51.100.10", "[2001:db8::10]"]) await call("silent", address);
    const named = async (): Promise<(string | undefined)[]> =>
      (await flows("--from", "outside/silent", "--port", "80"))
        .map(
          (flow) => `${flow.destination.ip} ${flow.destination.name ?? "?"} ${flow.dnsName ?? "?"}`,
        )
        .toSorted();
    await eventually(async () => {
      expect([...new Set(await named())]).toEqual([
        "198.51.100.10 documentation ?",
        "2001:db8::10 ? ?",
      ]);
    }, 30_000);
  }, 60_000);

  it("do not stand in for who a workload is: what was asked for is told beside it", async () => {
    await eventually(async () => {
      const asked = await ok(
        [
          ...["sql", "-o", "json"],
          "SELECT DISTINCT direction, dst_pod, dst_name, dns_name FROM flows WHERE dst_port = 8080 ORDER BY 1",
        ],
        { env },
      );
      const known = { dst_pod: "silent", dst_name: "" };
      expect(rows(asked)).toEqual([
        { direction: "egress", ...known, dns_name: "silent.outside.svc.cluster.local" },
        // Where the answer was not seen nobody knows what was asked for.
        { direction: "ingress", ...known, dns_name: "" },
      ]);
    }, 30_000);
  }, 60_000);

  it("stand beside the process that asked, and the program that it runs", async () => {
    await eventually(async () => {
      const asked = await flows("--filter", 'dns.name = "weather.example" and executable ~ */node');
      expect(new Set(asked.map((flow) => flow.process?.pid)).size).toBe(1);
      for (const { source, process } of asked) {
        expect(source.pod).toBe("asker");
        expect(Date.parse(process?.start ?? "")).toBeLessThan(Date.now());
      }
    }, 30_000);
  }, 60_000);

  it("are a hook that the status tells of", async () => {
    const { collectors } = JSON.parse(await ok(["status", "-o", "json"], { env })) as {
      collectors: { hooks: Record<string, string> }[];
    };
    expect(collectors.map((one) => one.hooks)).toMatchObject([
      { dns: "ok", process: "ok" },
      { dns: "ok", process: "ok" },
    ]);
  });
});
