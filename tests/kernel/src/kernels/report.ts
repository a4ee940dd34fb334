/** What the machine says of itself, a line each. */
export type InsideLine =
  /** `object`: the programs that a collector takes there. */
  | { kernel: string; object: string }
  | { hook: string; missing?: string }
  | { program: string; instructions: number; verifiedInstructions: number }
  | { program: string; error: string }
  | { passed: number; failed: number; messages: string[]; failures: string[] };

const mark = "weir-line ";

/** Undefined for what is not ours, the kernel's own messages for instance. */
export function parseLine(line: string): InsideLine | undefined {
  const at = line.indexOf(mark);
  if (at < 0) return undefined;
  try {
    return JSON.parse(line.slice(at + mark.length)) as InsideLine;
  } catch {
    return undefined;
  }
}

/** The line for people. */
export function describeLine(line: InsideLine): string {
  if ("kernel" in line) return `Linux ${line.kernel}, ${line.object}`;
  if ("hook" in line)
    return `  ${line.hook.padEnd(18)} ${line.missing ? `missing: ${line.missing}` : "ok"}`;
  if ("error" in line) return `  ${line.program.padEnd(18)} does not load: ${line.error}`;
  if ("program" in line) {
    // Kernels before 5.16 do not tell how many instructions the verifier walked.
    const walked = line.verifiedInstructions ? `, ${line.verifiedInstructions} verified` : "";
    return `  ${line.program.padEnd(18)} ${line.instructions} instructions${walked}`;
  }
  return [
    `  packet tests       ${line.passed} passed, ${line.failed} failed`,
    ...line.messages,
  ].join("\n");
}
