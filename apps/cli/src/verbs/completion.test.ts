import { execFile, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { apiConfig, startApi } from "@weir/api";
import { createMemoryBus, topics } from "@weir/bus";
import { createMetrics, silentLog } from "@weir/runtime";
import { openEmbeddedStore } from "@weir/store";

const opened = new AsyncDisposableStack();
let directory: string;
let url: string;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "weir-cli-completion-"));
  opened.defer(() => rmSync(directory, { recursive: true, force: true }));
  symlinkSync(resolve(import.meta.dirname, "../../bin/weir"), join(directory, "weir"));
  writeFileSync(join(directory, "manifest.yaml"), "");
  const bus = opened.use(createMemoryBus());
  await bus.ensureTopics(Object.values(topics));
  const store = opened.use(await openEmbeddedStore({ directory: join(directory, "data") }));
  await store.migrate();
  const config = apiConfig.parse({ listen: "127.0.0.1:0" });
  const doors = { bus, store, log: silentLog(), metrics: createMetrics("api") };
  url = opened.use(await startApi(config, doors)).url;
}, 60_000);
afterAll(() => opened.disposeAsync());

/** What a shell prints that runs a script, with this weir on its path. */
function shell(command: string, args: string[], api = url): Promise<string[]> {
  const path = `${directory}:${process.env["PATH"] ?? ""}`;
  const env = { ...process.env, PATH: path, WEIR_API: api, WEIR_RUN: directory, HOME: directory };
  return new Promise((done, failed) => {
    execFile(command, args, { env, cwd: directory }, (error, stdout, stderr) => {
      if (error !== null || stderr !== "") failed(new Error(`${error?.message ?? ""} ${stderr}`));
      else done(stdout.split("\n").filter((line) => line !== ""));
    });
  });
}

/** What a real bash offers when Tab is pressed at the end of the words; the last one may be open. */
function tab(words: string[], api = url): Promise<string[]> {
  const quoted = words.map((word) => `'${word.replaceAll("'", String.raw`'\''`)}'`).join(" ");
  const script = `source <(weir completion bash)
complete -p weir >/dev/null || exit 9
COMP_WORDS=(weir ${quoted})
COMP_CWORD=$((\${#COMP_WORDS[@]} - 1))
_weir weir
printf '%s\\n' "\${COMPREPLY[@]}"`;
  return shell("bash", ["--norc", "-c", script], api);
}

/** In a real zsh on a terminal: what is on its line after each was typed, with Tab. */
async function zshLines(typed: string[]): Promise<string[]> {
  const file = join(directory, "buffers");
  writeFileSync(
    join(directory, "setup.zsh"),
    `PS1=; autoload -Uz compinit; compinit -u -d ./dump; source <(weir completion zsh)
show() { print -r -- "$BUFFER" >> ${file}; BUFFER= }
zle -N show; bindkey '^X' show; print sourced`,
  );
  const script = `zmodload zsh/zpty
zpty z zsh -f -i
zpty -w z "source ./setup.zsh"
repeat 200; do zpty -r z line; [[ $line == *sourced* ]] && break; done
for typed in "$@"; do zpty -w -n z "$typed"$'\t\x18'; done
repeat 600; do [[ -f ${file} && $(wc -l < ${file}) -ge $# ]] && break; zpty -rt z line; sleep 0.05; done
zpty -d z`;
  await shell("zsh", ["-f", "-c", script, "zsh", ...typed]);
  return readFileSync(file, "utf8").trim().split("\n");
}

/** What a real fish offers for each line. */
async function fishOffers(typed: string[]): Promise<string[][]> {
  const script = `weir completion fish | source
for line in $argv; echo "> $line"; complete -C $line; end`;
  const out = await shell("fish", ["--no-config", "-c", script, ...typed]);
  return out
    .join("\n")
    .split(/^> .*\n?/m)
    .slice(1)
    .map((block) => block.split("\n").flatMap((line) => line.split("\t")[0] || []));
}

/** Debian's packages of these names bring them; setup --test installs them. */
const missing = (name: string): string => {
  const isThere = spawnSync(name, ["--version"]).status === 0;
  return isThere ? "" : ` (skipped: ${name} is missing, apt-get install ${name})`;
};
const [zshMissing, fishMissing] = [missing("zsh"), missing("fish")];

(zshMissing === "" ? describe : describe.skip)(`zsh, with weir completion${zshMissing}`, () => {
  it("completes verbs, options, filters and files", async () => {
    const typed: Record<string, string> = {
      "weir fl": "weir flows ",
      "weir policy re": "weir policy replay ",
      "weir flows --output=j": "weir flows --output=json ",
      "weir flows --filter src.names": "weir flows --filter src.namespace ",
      "weir flows --filter 'dst.port = 80 and verdict = d":
        "weir flows --filter 'dst.port = 80 and verdict = denied' ",
      "weir edges --by=src.workload,dst.names": "weir edges --by=src.workload,dst.namespace ",
      "weir policy apply -f mani": "weir policy apply -f manifest.yaml ",
      // More than one: they are listed, and the line stays.
      "weir edges --a": "weir edges --a",
    };
    expect(await zshLines(Object.keys(typed))).toEqual(Object.values(typed));
  });
});

(fishMissing === "" ? describe : describe.skip)(`fish, with weir completion${fishMissing}`, () => {
  it("completes verbs, options, filters and files", async () => {
    const typed: Record<string, string[]> = {
      "weir fl": ["flows"],
      "weir edges --a": ["--api", "--at"],
      "weir flows --output=j": ["--output=json"],
      "weir flows --filter 'dst.port = 80 and verdict = d": ["dst.port = 80 and verdict = denied"],
      "weir edges --by=src.workload,dst.names": ["--by=src.workload,dst.namespace"],
      "weir policy apply -f mani": ["manifest.yaml"],
    };
    expect(await fishOffers(Object.keys(typed))).toEqual(Object.values(typed));
  });
});

describe("bash, with weir completion", () => {
  it("completes verbs, flags and what they take", async () => {
    expect(await tab(["fl"])).toEqual(["flows"]);
    expect(await tab(["policy", "re"])).toEqual(["replay"]);
    expect(await tab(["edges", "--a"])).toEqual(["--at", "--api"]);
    expect(await tab(["flows", "--output", "=", "j"])).toEqual(["json"]);
  });

  it("completes filters by the weir that runs, also within quotes", async () => {
    expect(await tab(["flows", "--filter", "src.names"])).toEqual(["src.namespace"]);
    expect(await tab(["flows", "--filter", "'dst.port = 80 and verdict = d"])).toEqual([
      "dst.port = 80 and verdict = denied",
    ]);
    expect(await tab(["edges", "--by", "src.workload,dst.names"])).toEqual([
      "src.workload,dst.namespace",
    ]);
  });

  it("leaves files to the shell, and is silent where no weir runs", async () => {
    expect(await tab(["policy", "apply", "-f", "mani"])).toEqual([]);
    expect(await tab(["flows", "--filter", "src.na"], "http://127.0.0.1:9")).toEqual([]);
  });
});
