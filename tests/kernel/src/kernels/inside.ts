/** Runs in the machine: loads every program by itself, then the packet tests. Prints a line of JSON each. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { chooseProgramFile } from "@weir/collector";
import { BpfError, BpfObject, probe } from "libbpf-ts";
import type { Probe } from "libbpf-ts";
import type { InsideLine } from "./report.ts";

const root = join(import.meta.dirname, "../../../..");
/** As a collector chooses it. */
const programFile = chooseProgramFile();
const object = programFile.path;
const tests = process.argv.slice(2);

function print(line: InsideLine): void {
  console.log(`weir-line ${JSON.stringify(line)}`);
}

/** What failed, and the last words of the verifier without its statistics. */
function reasonOf(error: unknown): string {
  if (!(error instanceof BpfError)) return String(error);
  const { message, verifierLog } = error;
  const lines = verifierLog
    .split("\n")
    .filter((line) => line.trim() !== "" && !/^(processed|verification time)/.test(line));
  return [message.split("\n")[0], ...lines.slice(-2)].join(" | ");
}

function loadEach(): void {
  using opened = BpfObject.open(object);
  const names = opened.programNames;
  for (const name of names) {
    const programs = Object.fromEntries(names.map((one) => [one, { autoload: one === name }]));
    try {
      using loaded = BpfObject.open(object, { programs }).load();
      const { instructions, verifiedInstructions } = loaded.program(name).info();
      print({ program: name, instructions, verifiedInstructions });
    } catch (error) {
      print({ program: name, error: reasonOf(error) });
    }
  }
}

function hooks(): void {
  const found: Record<string, Probe> = {
    btf: probe.btf(),
    tcx: probe.tcx(),
    clsact: probe.program("sched_cls"),
    iterator: probe.program("tracing"),
    ringbuf: probe.map("ringbuf"),
    lpm_trie: probe.map("lpm_trie"),
  };
  for (const [hook, one] of Object.entries(found)) {
    print(one.ok ? { hook } : { hook, missing: one.reason });
  }
  for (const [hook, state] of Object.entries(programFile.hooks)) {
    print(state === "ok" ? { hook } : { hook, missing: state.replace(/^missing: /, "") });
  }
}

function runTests(): void {
  const out = "/tmp/tests.json";
  const { status, signal } = spawnSync(
    process.execPath,
    [
      // Optimized code was seen to crash (SIGSEGV) in the emulated processor on Linux 5.10.
      ...["--no-maglev", "--no-turbofan"],
      ...["--experimental-vm-modules", "--disable-warning=ExperimentalWarning"],
      ...[join(root, "node_modules/jest/bin/jest.js"), "--config", join(root, "jest.config.mjs")],
      ...["--rootDir", join(root, "tests/kernel"), "--cacheDirectory", "/tmp/jest"],
      ...["--json", "--outputFile", out, "--testTimeout", "300000", "-i", ...tests],
    ],
    { cwd: join(root, "tests/kernel"), stdio: ["ignore", "ignore", "pipe"], encoding: "utf8" },
  );
  try {
    const result = JSON.parse(readFileSync(out, "utf8")) as {
      numPassedTests: number;
      numFailedTests: number;
      testResults: { message: string; assertionResults: { status: string; title: string }[] }[];
    };
    print({
      passed: result.numPassedTests,
      failed: result.numFailedTests,
      messages: result.testResults.map(({ message }) => message).filter(Boolean),
      failures: result.testResults.flatMap(({ assertionResults }) =>
        assertionResults.filter((one) => one.status === "failed").map(({ title }) => title),
      ),
    });
  } catch (error) {
    print({
      passed: 0,
      failed: 1,
      messages: [`jest ended with ${status ?? signal}: ${String(error)}`],
      failures: [],
    });
  }
}

print({
  kernel: readFileSync("/proc/sys/kernel/osrelease", "utf8").trim(),
  object: basename(object),
});
hooks();
loadEach();
if (tests.length > 0) runTests();
