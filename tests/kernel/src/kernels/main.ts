/** `npm run kernels [-- VERSION...] [--all-tests]`: the programs on other kernels than this machine's. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { fetchKernel, versions } from "./kernel.ts";
import { runInMachine } from "./machine.ts";
import { describeLine, parseLine } from "./report.ts";
import { isAsExpected } from "./expectation.ts";
import type { InsideLine } from "./report.ts";
import { describeKernels } from "./table.ts";
import type { Visit } from "./table.ts";

const root = join(import.meta.dirname, "../../../..");
const cache = join(root, "build/kernels");
const table = join(root, "tests/kernel/KERNELS.md");
const packages: [string, string][] = [
  ["qemu-system-x86", "/usr/bin/qemu-system-x86_64"],
  ["qemu-system-common", "/usr/lib/qemu/virtiofsd"],
  ["busybox-static", "/usr/bin/busybox"],
  ["cpio", "/usr/bin/cpio"],
  ["kmod", "/usr/sbin/modprobe"],
  ["xz-utils", "/usr/bin/xz"],
  ["curl", "/usr/bin/curl"],
];
/** The packets' tests; they need no second machine and no clock that keeps time. */
const tests = ["src/parse.test.ts", "src/conntrack.test.ts", "src/policy.test.ts"];
/** Software emulation beside other work: the packet tests alone may take a quarter of an hour. */
const timeoutMs = 30 * 60_000;

function installPackages(): void {
  const missing = packages.filter(([, file]) => !existsSync(file)).map(([name]) => name);
  if (missing.length === 0) return;
  console.error(`installing ${missing.join(" ")}`);
  const options = ["-y", "-q", "--no-install-recommends", "install", ...missing];
  execFileSync("apt-get", options, {
    stdio: ["ignore", "ignore", "inherit"],
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
  });
}

/** What the machine said, and whether it ended as it should. */
async function visit(
  version: string,
  files: string[],
): Promise<{ lines: InsideLine[]; isGood: boolean }> {
  const kernel = await fetchKernel(version, cache);
  const lines: InsideLine[] = [];
  const node = join(root, "node_modules/.bin/node");
  const inside = join(import.meta.dirname, "inside.ts");
  const code = await runInMachine({
    kernel,
    command: `cd ${root} && exec ${node} ${inside} ${files.join(" ")}`,
    timeoutMs,
    onLine(text) {
      const line = parseLine(text);
      if (line === undefined) return;
      lines.push(line);
      console.log(describeLine(line));
    },
  });
  if (code !== 0) console.log(`  the machine ended with ${code ?? "nothing"}`);
  return { lines, isGood: code === 0 && isAsExpected(version, lines) };
}

/** KERNELS.md has the latest whole visit to each kernel. */
function keep(version: string, lines: InsideLine[]): void {
  const fileOf = (one: string): string => join(cache, one, "seen.json");
  const date = new Date().toISOString().slice(0, 10);
  writeFileSync(fileOf(version), JSON.stringify({ date, lines } satisfies Visit));
  const seen = versions.filter((one) => existsSync(fileOf(one)));
  const visits = seen.map((one) => JSON.parse(readFileSync(fileOf(one), "utf8")) as Visit);
  writeFileSync(table, describeKernels(visits));
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      "load-only": { type: "boolean", default: false },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help) {
    console.log(`npm run kernels [-- VERSION...] [--load-only]

Boots Debian's cloud kernels ${versions.join(", ")} in QEMU (no KVM), loads every program,
prints its instructions and runs the packet tests. Needs root, apt and 4 GiB of memory.

  npm run kernels -- 6.1 --load-only`);
    return 0;
  }
  installPackages();
  mkdirSync(cache, { recursive: true });
  mkdirSync("/lib/modules", { recursive: true });
  const failed: string[] = [];
  for (const version of positionals.length > 0 ? positionals : versions) {
    const { lines, isGood } = await visit(version, values["load-only"] ? [] : tests);
    if (!values["load-only"]) keep(version, lines);
    if (!isGood) failed.push(version);
  }
  console.log(failed.length === 0 ? "all kernels are as expected" : `failed: ${failed.join(", ")}`);
  return failed.length === 0 ? 0 : 1;
}

process.exitCode = await main();
