import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const launcher = resolve(import.meta.dirname, "../../bin/weir");
const name = `cl${process.pid}`;
const run = `/run/weir-${name}`;

interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

function weir(...args: string[]): Promise<Outcome> {
  const env = { ...process.env, WEIR_RUN: run, NO_COLOR: "1" };
  return new Promise((done) => {
    execFile(launcher, ["lab", ...args], { env, timeout: 60_000 }, (error, stdout, stderr) =>
      done({ code: error === null ? 0 : Number(error.code ?? -1), stdout, stderr }),
    );
  });
}

const pod = (podName: string, ports: string): string => `---
apiVersion: v1
kind: Pod
metadata: { name: ${podName}, namespace: x }
spec: { containers: [{ name: c, image: i, ports: [${ports}] }] }
`;

describe("weir lab", () => {
  const directory = mkdtempSync(join(tmpdir(), "lab-verbs-"));
  const manifest = join(directory, "pods.yaml");

  beforeAll(async () => {
    const both = "{ containerPort: 80 }, { containerPort: 80, protocol: UDP }";
    writeFileSync(manifest, pod("a", both) + pod("b", "{ containerPort: 81 }"));
    const up = await weir("up", manifest, "--name", name, "--nodes", "2");
    expect(up).toMatchObject({ code: 0, stdout: "" });
    expect(up.stderr).toContain(`lab ${name}: 3 pods on 2 nodes are up`);
  }, 90_000);

  afterAll(async () => {
    await weir("down", "--name", name);
    rmSync(directory, { recursive: true });
  }, 60_000);

  it("up changes nothing the second time, and refuses other manifests under the same name", async () => {
    const again = await weir("up", manifest, "--name", name, "--nodes", "2");
    expect(again).toMatchObject({ code: 0, stdout: "" });
    expect(again.stderr).toContain("were up already");
    expect((await weir("up", manifest, "--name", name, "--nodes", "1")).code).toBe(1);
    expect((await weir("up", join(directory, "nothing.yaml"))).code).toBe(2);
  }, 60_000);

  it("probe prints a line for each pair and each port that the destination declares", async () => {
    const { code, stdout } = await weir("probe", "-o", "json");
    expect(code).toBe(0);
    const lines = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as object);
    expect(lines).toHaveLength(2 * 3);
    for (const line of lines) {
      const shape = { verdict: "allowed", milliseconds: expect.any(Number) };
      expect(line).toMatchObject({ ...shape, from: expect.stringMatching(/^x\/[ab]$/) });
    }
  }, 60_000);

  it("probe of one pair prints that one, denied where nobody listens, in every format", async () => {
    const one = ["probe", "--from", "x/a", "--to", "x/b", "--port", "82/TCP"];
    const { code, stdout } = await weir(...one, "-o", "json");
    expect([code, JSON.parse(stdout)]).toEqual([
      0,
      {
        ...{ from: "x/a", to: "x/b", port: 82, protocol: "TCP", verdict: "denied" },
        ...{ milliseconds: expect.any(Number), answer: "ECONNREFUSED" },
      },
    ]);
    const table = await weir(...one);
    expect(table.stdout).toMatch(/^FROM +TO +PORT +PROTOCOL +VERDICT +MILLISECONDS +ANSWER\n/);
    expect(table.stderr).toContain("1 was refused by the pod itself, where nothing listens");
    const csv = await weir(...one, "-o", "csv");
    expect(csv.stdout).toMatch(
      /^from,to,port,.*\r\nx\/a,x\/b,82,TCP,denied,[\d.]+,ECONNREFUSED\r\n$/,
    );
    expect((await weir(...one, "-o", "yaml")).stdout).toMatch(/^---\nfrom: x\/a\nto: x\/b\n/);
  }, 60_000);

  it("probe says what it could not try, on stderr, and refuses what is no port and no pod", async () => {
    const sctp = await weir("probe", "--port", "80/SCTP", "-o", "json");
    expect([sctp.code, sctp.stdout]).toEqual([0, ""]);
    expect(sctp.stderr).toContain("SCTP 80 was not probed");
    expect((await weir("probe", "--port", "80/FOO")).code).toBe(2);
    expect((await weir("probe", "--port", "ICMP")).code).toBe(2);
    const nobody = await weir("probe", "--from", "x/nobody");
    expect([nobody.code, nobody.stdout]).toEqual([3, ""]);
    expect(nobody.stderr).toContain("no pod x/nobody");
  }, 60_000);

  it("exec hands over output and exit code", async () => {
    const echoed = await weir("exec", "x/a", "--", "sh", "-c", "hostname; exit 7");
    expect([echoed.code, echoed.stdout]).toEqual([7, "a\n"]);
    expect((await weir("exec", "x/nobody", "--", "true")).code).toBe(3);
  }, 60_000);

  it("list names nodes and pods, and down leaves nothing", async () => {
    const { stdout } = await weir("list", "-o", "json");
    expect(JSON.parse(stdout)).toMatchObject({
      ...{
        name,
        state: "running",
        nodes: [{ name: `${name}-node-1` }, { name: `${name}-node-2` }],
      },
      pods: [
        { namespace: "x", name: "a" },
        { namespace: "x", name: "b" },
      ],
    });
    expect((await weir("down", "--name", name)).code).toBe(0);
    expect(existsSync(run)).toBe(false);
    expect((await weir("down", "--name", name)).code).toBe(3);
    expect((await weir("probe")).code).toBe(3);
    expect((await weir("list", "-o", "json")).stdout).toBe("");
  }, 60_000);
});
