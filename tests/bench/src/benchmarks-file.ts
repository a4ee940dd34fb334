import { execFileSync } from "node:child_process";
import { cpus, release, totalmem } from "node:os";
import type { Result } from "./result.ts";

const head = `# Benchmarks

Written by \`npm run bench\`, a section for each bench. The baseline of each case was measured in the same run;
\`tests/bench/README.md\` says what it is. Trust the ratios more than the values.
`;

function commit(root: string): string {
  const git = (...args: string[]) => execFileSync("git", args, { cwd: root }).toString().trim();
  try {
    return git("rev-parse", "--short", "HEAD") + (git("status", "--porcelain") ? " (changed)" : "");
  } catch {
    return "unknown";
  }
}

/** What a bench measured, with when, what and where; without a heading. */
export function sectionOf(results: Result[], root: string): string {
  const cells = results.map(
    (one) =>
      `| ${one.case} | ${one.value} | ${one.unit} | ${one.baseline ?? "-"} | ${one.ratio ?? "-"} |`,
  );
  const machine = `${cpus().length} x ${cpus()[0]?.model.trim() ?? "unknown"}, ${Math.round(totalmem() / 2 ** 30)} GiB`;
  return `${new Date().toISOString().slice(0, 10)}, commit ${commit(root)}, ${machine}, Linux ${release()}, Node ${process.version}.

| case | value | unit | baseline | ratio |
|---|---|---|---|---|
${cells.join("\n")}
`;
}

/** The file with the bench's section put in, or exchanged; the others stay, in the order of their names. */
export function withSection(file: string, bench: string, section: string): string {
  const parts = file.split(/^## /m).slice(1);
  const sections = new Map(
    parts.map((part) => {
      const end = part.indexOf("\n");
      return [part.slice(0, end).trim(), part.slice(end).trim()];
    }),
  );
  sections.set(bench, section.trim());
  const sorted = [...sections].sort(([a], [b]) => (a < b ? -1 : 1));
  return [head, ...sorted.map(([name, text]) => `## ${name}\n\n${text}\n`)].join("\n");
}
