import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { apiConfig, startApi } from "@weir/api";
import { type Bus, createMemoryBus, topics } from "@weir/bus";
import { eventCodec } from "@weir/codec";
import { createMetrics, silentLog } from "@weir/runtime";
import { type Store, openEmbeddedStore } from "@weir/store";

const launcher = resolve(import.meta.dirname, "../../bin/weir");
const opened = new AsyncDisposableStack();
let env: NodeJS.ProcessEnv;
let bus: Bus;
let store: Store;

beforeAll(async () => {
  const directory = mkdtempSync(join(tmpdir(), "weir-cli-events-"));
  opened.defer(() => rmSync(directory, { recursive: true, force: true }));
  bus = opened.use(createMemoryBus());
  await bus.ensureTopics(Object.values(topics));
  store = opened.use(await openEmbeddedStore({ directory }));
  await store.migrate();
  const config = apiConfig.parse({ listen: "127.0.0.1:0" });
  const doors = { bus, store, log: silentLog(), metrics: createMetrics("api") };
  const api = opened.use(await startApi(config, doors));
  env = { ...process.env, WEIR_API: api.url, WEIR_RUN: directory };
  await store.command(`INSERT INTO events (time, node, kind, namespace, workload, text, fields) VALUES
    ('${day} 01:02:03', 'n1', 'policy-refused', '', '', 'no room', {}),
    ('${day} 04:05:06', '', 'policy-error', 'shop', 'cart', '=cmd()\u001B[2J\nnext "one"', {'a': 'b'})`);
}, 60_000);
afterAll(() => opened.disposeAsync());

/** Two days ago: nothing is younger than what is asked for. */
const [day = "", next = ""] = [2, 1].map((ago) =>
  new Date(Date.now() - ago * 86_400_000).toISOString().slice(0, 10),
);
const asked = ["events", "--since", `${day}T00:00:00Z`, "--until", `${next}T00:00:00Z`];
function weir(args: string[]): Promise<{ stdout: string; stderr: string }> {
  return new Promise((done) => {
    execFile(launcher, [...asked, ...args], { env }, (_error, stdout, stderr) =>
      done({ stdout, stderr }),
    );
  });
}

describe("weir events", () => {
  it("prints what happened, safe for a terminal and for a spreadsheet", async () => {
    expect(await weir([])).toEqual({
      stderr: "",
      stdout: [
        "TIME (UTC)           KIND            CONCERNS   TEXT",
        `${day} 01:02:03  policy-refused  n1         no room`,
        String.raw`${day} 04:05:06  policy-error    shop/cart  =cmd()\x1b[2J\nnext "one"`,
        "",
      ].join("\n"),
    });
    const json = await weir(["--kind", "policy-error", "-o", "json"]);
    expect(json.stdout).not.toContain("\u001B");
    expect(JSON.parse(json.stdout)).toMatchObject({ workload: "cart", fields: { a: "b" } });
    const csv = await weir(["--namespace", "shop", "-o", "csv"]);
    expect(csv.stdout).toContain(`,"'=cmd()`);
  });

  it("says what there is to say of an empty answer", async () => {
    const { stdout, stderr } = await weir(["--node", "n9"]);
    expect([stdout, stderr]).toEqual(["", "nothing happened in that time\n"]);
  });

  it("says how many could not be sent", async () => {
    await store.command(`INSERT INTO events (time, kind, text, fields) VALUES
      ('${day} 07:00:00', 'events-left-out', '', {'count': '37', 'since': '${day}T06:59:00.000Z'})`);
    const { stderr } = await weir(["--kind", "policy-error"]);
    expect(stderr).toBe("not complete: 37 not sent; the controller's log has them\n");
  });

  it("follows until Ctrl-C", async () => {
    const verb = spawn(launcher, ["events", "--follow", "-o", "json"], { env });
    opened.defer(() => void verb.kill("SIGKILL"));
    const ended = once(verb, "exit");
    let text = "";
    verb.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()));
    const event = {
      ...{ time: Date.now() * 1000, node: "", boot_id: "", kind: "policy-error" },
      ...{ namespace: "", workload: "", pod: "", text: "now", fields: {} },
    };
    // It starts when it starts: told until it shows.
    while (!text.includes("\n")) {
      await bus.send(topics.events.name, [{ key: "k", value: eventCodec.encode(event) }]);
      await new Promise((wait) => setTimeout(wait, 100));
    }
    expect(JSON.parse(text.split("\n")[0] ?? "")).toMatchObject({ text: "now" });
    verb.kill("SIGINT");
    expect(await ended).toEqual([0, null]);
  }, 60_000);
});
