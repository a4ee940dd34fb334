import type { InsideLine } from "./report.ts";

/** Programs that the collector goes without: the hook came with 6.3. */
const optional: Record<string, readonly string[]> = { "6.1": ["socket_received"] };

/** Tests that say who brought a packet: a test run takes no `ingress_ifindex` there. */
const impossible: Record<string, readonly string[]> = {
  "5.10": [
    "lets nobody into a connection of the node, nor cuts it for them",
    "takes nobody else for the node, whatever address is written",
  ],
};

function isOptional(version: string, line: InsideLine): boolean {
  return "program" in line && (optional[version]?.includes(line.program) ?? false);
}

/** Every program loads and every test passes, but for those whose hook is missing there. */
export function isAsExpected(version: string, lines: InsideLine[]): boolean {
  const programs = lines.filter((line) => "program" in line);
  const tests = lines.filter((line) => "passed" in line);
  if (programs.length === 0) return false;
  return (
    programs.every((line) => "error" in line === isOptional(version, line)) &&
    tests.every(
      ({ passed, failures }) =>
        passed > 0 && failures.toSorted().join() === (impossible[version] ?? []).join(),
    )
  );
}
