import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "@jest/globals";
import { apiConfig, startApi } from "@weir/api";
import { createMemoryBus, topics } from "@weir/bus";
import { createMetrics, silentLog } from "@weir/runtime";
import { openEmbeddedStore } from "@weir/store";

const launcher = resolve(import.meta.dirname, "../../bin/weir");
const pollMs = 50;
/** Hours, if nobody stops it. */
const longQuery = "SELECT sum(sipHash64(number)) FROM system.numbers";

async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await sleep(pollMs);
}

it("weir sql that is interrupted ends in the engine too, and as a command ends that is interrupted", async () => {
  await using opened = new AsyncDisposableStack();
  const directory = mkdtempSync(join(tmpdir(), "weir-cli-sql-"));
  opened.defer(() => rmSync(directory, { recursive: true, force: true }));
  const bus = opened.use(createMemoryBus());
  await bus.ensureTopics(Object.values(topics));
  const store = opened.use(await openEmbeddedStore({ directory }));
  await store.migrate();
  const config = apiConfig.parse({ listen: "127.0.0.1:0" });
  const doors = { bus, store, log: silentLog(), metrics: createMetrics("api") };
  const api = opened.use(await startApi(config, doors));

  const env = { ...process.env, WEIR_API: api.url, WEIR_RUN: directory };
  const verb = spawn(launcher, ["sql", longQuery], { env, stdio: ["ignore", "ignore", "inherit"] });
  opened.defer(() => void verb.kill("SIGKILL"));
  const ended = once(verb, "exit");
  const running = async (): Promise<{ query: string; readRows: number }[]> =>
    (await fetch(`${api.url}/v1/sql/running`)).json() as Promise<
      { query: string; readRows: number }[]
    >;
  const inEngine = async (): Promise<number> => {
    const found = await store.query<{ query: string }>(
      "SELECT query FROM system.processes WHERE query LIKE '%sip' || 'Hash64(number)%'",
    );
    return found.length;
  };
  await until(async () => (await running()).some((one) => one.readRows > 0));
  expect((await running()).map((one) => one.query)).toEqual([longQuery]);
  expect(await inEngine()).toBe(1);

  verb.kill("SIGINT");
  // Of a shell that waits for it: 130.
  expect(await ended).toEqual([null, "SIGINT"]);
  await until(async () => (await running()).length === 0 && (await inEngine()) === 0);

  // On a terminal, which script(1) gives it, it tells how far it is, and Ctrl-C leaves a line.
  const command = `${launcher} sql '${longQuery}'`;
  const terminal = spawn("script", ["-qec", command, "/dev/null"], {
    ...{ env, stdio: ["pipe", "pipe", "inherit"] },
  });
  opened.defer(() => void terminal.kill("SIGKILL"));
  const left = once(terminal, "exit");
  let shown = "";
  terminal.stdout?.on("data", (chunk: Buffer) => (shown += chunk.toString()));
  await until(async () => /\d+ s, [\d,]+ rows read; Ctrl-C stops it/.test(shown));
  terminal.stdin?.write("\u0003");
  await left;
  expect(shown).toMatch(/Ctrl-C stops it[^\n]*\r?\n$/);
  await until(async () => (await running()).length === 0 && (await inEngine()) === 0);
}, 60_000);
