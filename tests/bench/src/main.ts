/** `npm run bench -- [NAME...] [--quick] [-o json]` */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { apply } from "./apply.ts";
import { codec } from "./codec.ts";
import { path } from "./path.ts";
import { policyDatapath } from "./policy-datapath.ts";
import { query } from "./query.ts";
import type { Bench, Result } from "./result.ts";
import { store } from "./store.ts";

const root = resolve(import.meta.dirname, "../../..");
const benches: Bench[] = [path, codec, apply, policyDatapath, store, query];

const help = `npm run bench -- [NAME...] [--quick] [-o json]

${benches.map((one) => `  ${one.name.padEnd(10)} ${one.about}`).join("\n")}

Without a name all run. --quick takes fewer samples and leaves BENCHMARKS.md alone;
the full run of all rewrites it. Needs root and what \`npm run setup\` installs.`;

function commit(): string {
  try {
    const dirty =
      execFileSync("git", ["status", "--porcelain"], { cwd: root }).toString().trim() !== "";
    return (
      execFileSync("git", ["rev-parse", "--short", "HEAD"], { cwd: root }).toString().trim() +
      (dirty ? " (changed)" : "")
    );
  } catch {
    return "unknown";
  }
}

function report(results: Result[]): string {
  const cells = results.map(
    (one) =>
      `| ${one.bench} | ${one.case} | ${one.value} | ${one.unit} | ${one.baseline ?? "-"} | ${one.ratio ?? "-"} |`,
  );
  return `# Benchmarks

Written by \`npm run bench\`: ${new Date().toISOString().slice(0, 10)}, commit ${commit()}, ${cpus().length} x ${cpus()[0]?.model.trim() ?? "unknown"}, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}, Node ${process.version}.
The baseline of each case was measured in the same run; \`tests/bench/README.md\` says what it is. Trust the ratios more than the values.

| bench | case | value | unit | baseline | ratio |
|---|---|---|---|---|---|
${cells.join("\n")}
`;
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      quick: { type: "boolean", default: false },
      output: { type: "string", short: "o", default: "table" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) {
    console.log(help);
    return 0;
  }
  const unknown = positionals.filter((name) => !benches.some((one) => one.name === name));
  if (unknown.length > 0 || !["json", "table"].includes(values.output)) {
    console.error(
      unknown.length > 0
        ? `no bench ${unknown.join(", ")}\n\n${help}`
        : `-o takes json or table, not ${values.output}`,
    );
    return 2;
  }
  const chosen = benches.filter(
    (one) => positionals.length === 0 || positionals.includes(one.name),
  );
  const results: Result[] = [];
  for (const one of chosen) {
    const measured = await one.run({
      quick: values.quick,
      progress: (text) => console.error(`${one.name}: ${text}`),
    });
    results.push(...measured);
    if (values.output === "json") for (const line of measured) console.log(JSON.stringify(line));
    else console.table(measured);
  }
  if (!values.quick && positionals.length === 0) {
    writeFileSync(join(root, "BENCHMARKS.md"), report(results));
    console.error("BENCHMARKS.md rewritten");
  }
  return 0;
}

process.exitCode = await main();
