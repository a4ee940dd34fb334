/**
 * `npm test`: the checks of the sources, then the tests of every workspace, then one line that
 * counts them. A workspace that leaves no result, because it crashed or never ran, counts as failed.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { basename, join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "..");
const resultsDirectory = join(root, "build/test-results");
const bin = join(root, "node_modules/.bin");

/** In all; what has not run by then counts as failed. The longest run so far took half of it. */
const deadlineMs = Number(process.env["WEIR_TEST_DEADLINE_MS"] ?? 25 * 60_000);

/** No kernel, no broker, no ports: two at a time. The others share a machine and run one by one. */
const independent = ["@weir/codec", "@weir/policy", "@weir/query", "@weir/test-architecture"];

/** One package's counts, as tests/summary-reporter.mjs leaves them. */
interface Summary {
  passed: number;
  failed: number;
  skipped: string[];
}

interface Workspace {
  name: string;
  directory: string;
}

const startedMs = Date.now();
let running: ChildProcess | undefined;
let stopped: string | undefined;

/** Runs a command in a process group of its own; resolves with its exit code, 1 when killed. */
function run(command: string, args: string[]): Promise<number> {
  if (stopped !== undefined) return Promise.resolve(1);
  const child = spawn(command, args, {
    cwd: root,
    stdio: ["ignore", "inherit", "inherit"],
    detached: true,
    env: {
      ...process.env,
      PATH: `${bin}:${process.env["PATH"] ?? ""}`,
      WEIR_TEST_RESULTS: resultsDirectory,
      NX_DAEMON: "false",
      NX_TUI: "false",
      NX_NO_CLOUD: "true",
      ...(process.stdout.isTTY ? {} : { FORCE_COLOR: "0", NO_COLOR: "1" }),
    },
  });
  running = child;
  return new Promise((done) => {
    child.on("error", (error) => {
      process.stdout.write(`${command}: ${error.message}\n`);
      done(1);
    });
    child.on("exit", (code) => done(code ?? 1));
  });
}

function stop(reason: string): void {
  stopped ??= reason;
  if (running?.pid === undefined || running.exitCode !== null) return;
  // The group first gets the chance to take away its namespaces and brokers.
  const group = -running.pid;
  process.kill(group, "SIGTERM");
  setTimeout(() => {
    try {
      process.kill(group, "SIGKILL");
    } catch {
      // Gone by itself.
    }
  }, 10_000).unref();
}

function heading(text: string): void {
  const seconds = Math.round((Date.now() - startedMs) / 1000);
  process.stdout.write(`\n== ${text} (${seconds} s)\n`);
}

/** Every workspace with a test script. */
function workspaces(): Workspace[] {
  const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    workspaces: string[];
  };
  return manifest.workspaces
    .flatMap((pattern) =>
      pattern.endsWith("/*")
        ? readdirSync(join(root, pattern.slice(0, -2))).map((name) => pattern.replace("*", name))
        : [pattern],
    )
    .filter((directory) => existsSync(join(root, directory, "package.json")))
    .map((directory) => {
      const file = readFileSync(join(root, directory, "package.json"), "utf8");
      const { name, scripts } = JSON.parse(file) as {
        name: string;
        scripts?: Record<string, string>;
      };
      return { name, directory, tested: scripts?.["test"] !== undefined };
    })
    .filter((workspace) => workspace.tested);
}

async function runChecks(total: Summary): Promise<void> {
  const checks: [string, string[]][] = [
    ["lint", ["oxlint", "--type-aware", "--deny-warnings"]],
    ["format", ["oxfmt", "--check"]],
    ["types", ["tsc", "--noEmit", "-p", "tsconfig.json"]],
  ];
  for (const [name, [command, ...args]] of checks) {
    heading(name);
    const code = await run(join(bin, command as string), args);
    if (code === 0) total.passed++;
    else total.failed++;
    process.stdout.write(code === 0 ? "passed\n" : `failed (${command} ${args.join(" ")})\n`);
  }
}

async function runTests(selection: string[], parallel: number): Promise<void> {
  const options = [
    "-t",
    "test",
    `--parallel=${parallel}`,
    "--outputStyle=stream",
    "--nxBail=false",
  ];
  await run(join(bin, "nx"), ["run-many", ...options, ...selection]);
}

/** Reads what the packages left, and says what each did. */
function collect(all: Workspace[], total: Summary): void {
  heading("summary");
  for (const workspace of all) {
    const file = join(resultsDirectory, `${basename(workspace.directory)}.json`);
    if (!existsSync(file)) {
      total.failed++;
      process.stdout.write(`${workspace.directory}: no result${stopped ? ` (${stopped})` : ""}\n`);
      continue;
    }
    const one = JSON.parse(readFileSync(file, "utf8")) as Summary;
    total.passed += one.passed;
    total.failed += one.failed;
    total.skipped.push(...one.skipped.map((test) => `${workspace.directory}: ${test}`));
    const failed = one.failed > 0 ? `, ${one.failed} FAILED` : "";
    process.stdout.write(`${workspace.directory}: ${one.passed} passed${failed}\n`);
  }
  if (total.skipped.length > 0) process.stdout.write("\nskipped, with the reason in the name:\n");
  for (const test of total.skipped) process.stdout.write(`  ${test}\n`);
}

async function main(): Promise<number> {
  rmSync(resultsDirectory, { recursive: true, force: true });
  mkdirSync(resultsDirectory, { recursive: true });
  const deadline = setTimeout(() => stop("out of time"), deadlineMs);
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.on(signal, () => stop("interrupted"));

  const all = workspaces();
  const names = new Set(all.map((workspace) => basename(workspace.directory)));
  if (names.size !== all.length) throw new Error("two workspaces share a folder name");
  const total: Summary = { passed: 0, failed: 0, skipped: [] };

  await runChecks(total);
  heading("tests that need nothing");
  await runTests([`--projects=${independent.join(",")}`], 2);
  heading("tests on the kernel, the broker and the store");
  await runTests([`--exclude=${[...independent, "weir"].join(",")}`], 1);
  collect(all, total);

  clearTimeout(deadline);
  if (stopped !== undefined) process.stdout.write(`\nstopped: ${stopped}\n`);
  process.stdout.write(
    `\n${total.passed} passed, ${total.failed} failed, ${total.skipped.length} skipped\n`,
  );
  return total.failed > 0 || stopped !== undefined ? 1 : 0;
}

process.exitCode = await main();
