import type { InsideLine } from "./report.ts";

/** Kernels before 5.12 have no atomic exchange, by which counters leave the map: nothing loads there. */
const tooOld = new Set(["5.10"]);

/** Every program loads and every test passes; on a kernel that is too old, every program says why not. */
export function isAsExpected(version: string, lines: InsideLine[]): boolean {
  const programs = lines.filter((line) => "program" in line);
  const tests = lines.filter((line) => "passed" in line);
  if (programs.length === 0) return false;
  if (tooOld.has(version)) return programs.every((line) => "error" in line);
  return (
    programs.every((line) => !("error" in line)) &&
    tests.every((line) => line.failed === 0 && line.passed > 0)
  );
}
