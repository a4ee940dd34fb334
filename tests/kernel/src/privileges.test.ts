/** A collector that is not root, and holds just the capabilities that it says it needs. */
import { spawnSync } from "node:child_process";
import { chmodSync, readFileSync, statSync } from "node:fs";
import { capabilityArguments, neededCapabilities } from "@weir/collector";
import { Bed } from "./bed.ts";
import type { BedPod } from "./bed.ts";
import { CollectorProcess } from "./collector-process.ts";
import { openPort, shutPort } from "./server-policy.ts";

const user = "65534:65534";
const launcher = new URL("../../../apps/cli/bin/weir", import.meta.url).pathname;
/** Of linux/capability.h. */
const bits: Record<string, number> = { NET_ADMIN: 12, SYS_ADMIN: 21, PERFMON: 38, BPF: 39 };

function statusOf(pid: number): Record<string, string> {
  const lines = readFileSync(`/proc/${pid}/status`, "latin1").split("\n");
  return Object.fromEntries(lines.map((line) => line.split(/:\s+/, 2) as [string, string]));
}

function bitsOf(names: string[]): string {
  const mask = names.reduce((sum, name) => sum | (1n << BigInt(bits[name] ?? 0)), 0n);
  return mask.toString(16).padStart(16, "0");
}

describe("a collector that hands over to a user", () => {
  let bed: Bed;
  let collector: CollectorProcess | undefined;
  beforeAll(async () => {
    bed = await Bed.make(2);
    bed.announce(...bed.pods);
    // As /run/weir is.
    chmodSync(bed.runDirectory, 0o755);
  }, 60_000);
  afterAll(async () => {
    await collector?.kill();
    await bed?.close();
  }, 60_000);

  /** From the first pod to the second, where nobody listens. */
  async function connect(port: number): Promise<"refused" | "no answer"> {
    const [client, server] = bed.pods as [BedPod, BedPod];
    const attempt = `exec 3<>/dev/tcp/${server.v4}/${port}`;
    return bed.inPod(client, "timeout", "2", "bash", "-c", attempt).then(
      () => Promise.reject(new Error("somebody listens there")),
      (error: { code?: number }) => (error.code === 124 ? "no answer" : "refused"),
    );
  }

  it("watches and enforces with only these capabilities, and no way to others", async () => {
    collector = await CollectorProcess.start(bed, { user, pods: bed.pods });
    const { node, runDirectory } = bed;
    const held = bitsOf(neededCapabilities({ node, runDirectory }));
    const status = statusOf(collector.pid);
    expect(status).toMatchObject({ CapEff: held, CapPrm: held, CapBnd: held, NoNewPrivs: "1" });
    expect(status["Uid"]).toMatch(/^65534\t65534\t65534/);
    expect(status["Groups"]?.trim()).toBe("");
    expect(statSync(bed.pins).uid).toBe(65_534);
    expect(await connect(openPort)).toBe("refused");
    expect(await connect(shutPort)).toBe("no answer");
  }, 120_000);

  it("is taken over by the next one, with the policy in force", async () => {
    await collector?.kill();
    collector = await CollectorProcess.start(bed, { user, pods: bed.pods });
    expect(statusOf(collector.pid)["Uid"]).toMatch(/^65534\t/);
    expect(await connect(openPort)).toBe("refused");
    expect(await connect(shutPort)).toBe("no answer");
  }, 120_000);
});

describe("weir collector without a capability", () => {
  const settings = {
    ...process.env,
    WEIR_RUN: "/tmp/weir-no-run",
    WEIR_COLLECTOR_BUS: "kafka://127.0.0.1:1",
  };

  function startWith(...names: string[]): { status: number | null; stderr: string } {
    const as = ["--reuid", "65534", "--regid", "65534", "--clear-groups"];
    const args = [...as, ...capabilityArguments(names), launcher, "collector", "--node", "none"];
    return spawnSync("setpriv", args, { env: settings, encoding: "utf8", timeout: 60_000 });
  }

  it.each([
    [["NET_ADMIN", "PERFMON"], "BPF"],
    [["BPF", "PERFMON"], "NET_ADMIN"],
    [["BPF", "NET_ADMIN"], "PERFMON"],
    [[], "BPF, NET_ADMIN, PERFMON"],
  ])("with %j says what to add: %s", (given, missing) => {
    const { status, stderr } = startWith(...given);
    expect(status).toBe(1);
    expect(stderr).toContain(`add to its capabilities: ${missing}`);
    expect(stderr).not.toMatch(/^\s+at /m);
  });
});
