import type { InsideLine } from "./report.ts";

/** What one machine said, and when. */
export interface Visit {
  date: string;
  lines: InsideLine[];
}

/** KERNELS.md: a column for each kernel, a row for each program and for what is missing. */
export function describeKernels(visits: Visit[]): string {
  const machines = visits.map(({ lines }) => lines);
  const rows = [
    ["", ...machines.map(kernelOf)],
    ["---", ...machines.map(() => "---")],
    ["visited", ...visits.map(({ date }) => date)],
    ["object", ...machines.map(objectOf)],
    ...programsOf(machines).map((name) => [
      `\`${name}\``,
      ...machines.map((lines) => sizeOf(lines, name)),
    ]),
    ["programs loaded", ...machines.map(loadedOf)],
    ["missing", ...machines.map(missingOf)],
    ["packet tests", ...machines.map(testsOf)],
  ];
  return `# Kernels

Written by \`npm run kernels\`: Debian's cloud kernels in QEMU. A program's instructions, and behind
them those that the verifier walked, where the kernel tells (5.16).

${rows.map((cells) => `| ${cells.join(" | ")} |`).join("\n")}
`;
}

function kernelOf(lines: InsideLine[]): string {
  return lines.flatMap((line) => ("kernel" in line ? [line.kernel] : [])).join() || "did not boot";
}

function objectOf(lines: InsideLine[]): string {
  return lines.flatMap((line) => ("kernel" in line ? [`\`${line.object}\``] : [])).join();
}

function programsOf(machines: InsideLine[][]): string[] {
  const names = machines.flat().flatMap((line) => ("program" in line ? [line.program] : []));
  return [...new Set(names)];
}

function sizeOf(lines: InsideLine[], name: string): string {
  const found = lines.find((line) => "program" in line && line.program === name);
  if (found === undefined || !("program" in found)) return "not in this object";
  if ("error" in found) return "does not load";
  const { instructions, verifiedInstructions } = found;
  return verifiedInstructions > 0 ? `${instructions} / ${verifiedInstructions}` : `${instructions}`;
}

function loadedOf(lines: InsideLine[]): string {
  const programs = lines.filter((line) => "program" in line);
  return `${programs.filter((line) => !("error" in line)).length} of ${programs.length}`;
}

function missingOf(lines: InsideLine[]): string {
  const missing = lines.flatMap((line) =>
    "hook" in line && line.missing !== undefined ? [`\`${line.hook}\`: ${line.missing}`] : [],
  );
  const refused = lines.flatMap((line) =>
    "program" in line && "error" in line ? [`\`${line.program}\`: ${line.error}`] : [],
  );
  return [...missing, ...refused].join("; ").replaceAll("|", "/") || "nothing";
}

function testsOf(lines: InsideLine[]): string {
  const tests = lines.find((line) => "passed" in line);
  if (tests === undefined || !("passed" in tests)) return "not run";
  const failed =
    tests.failed > 0
      ? `, ${tests.failed} failed: ${tests.failures.join("; ").replaceAll("|", "/")}`
      : "";
  return `${tests.passed} passed${failed}`;
}
