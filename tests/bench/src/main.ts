/** `npm run bench -- [NAME...] [--quick] [--rows N] [-o json]` */
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { apply } from "./apply.ts";
import { sectionOf, withSection } from "./benchmarks-file.ts";
import { capture } from "./capture.ts";
import { codec } from "./codec.ts";
import { names } from "./names.ts";
import { path } from "./path.ts";
import { policyDatapath } from "./policy-datapath.ts";
import { query } from "./query.ts";
import type { Bench, Result } from "./result.ts";
import { store } from "./store.ts";

const root = resolve(import.meta.dirname, "../../..");
const benches: Bench[] = [path, codec, names, capture, apply, policyDatapath, store, query];

const help = `npm run bench -- [NAME...] [--quick] [--rows N] [-o json]

${benches.map((one) => `  ${one.name.padEnd(10)} ${one.about}`).join("\n")}

Without a name all run. --quick takes fewer samples and leaves BENCHMARKS.md alone;
a full run rewrites it, of the benches that ran. --rows is the size of store and query: 10,000,000, --quick 1,000,000. Needs root and what \`npm run setup\` installs.`;

function rewrite(bench: string, results: Result[]): void {
  const file = join(root, "BENCHMARKS.md");
  writeFileSync(file, withSection(readFileSync(file, "utf8"), bench, sectionOf(results, root)));
  console.error(`BENCHMARKS.md: ${bench} rewritten`);
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      quick: { type: "boolean", default: false },
      rows: { type: "string" },
      output: { type: "string", short: "o", default: "table" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) {
    console.log(help);
    return 0;
  }
  const rows = values.rows === undefined ? undefined : Number(values.rows);
  if (rows !== undefined && !(Number.isInteger(rows / 1_000_000) && rows > 0)) {
    console.error(`--rows takes whole millions, such as 100000000, not ${values.rows}`);
    return 2;
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
  const results = new Map<string, Result[]>();
  for (const one of chosen) {
    const measured = await one.run({
      quick: values.quick,
      rows,
      progress: (text) => console.error(`${one.name}: ${text}`),
    });
    // Two benches share the name `policy`.
    results.set(one.name, [...(results.get(one.name) ?? []), ...measured]);
    if (!values.quick) rewrite(one.name, results.get(one.name) ?? []);
    if (values.output === "json") for (const line of measured) console.log(JSON.stringify(line));
    else console.table(measured);
  }
  return 0;
}

process.exitCode = await main();
