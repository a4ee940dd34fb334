import { flowBlock } from "./flows.ts";

export const numberedRows = 50;

/** Block `n`, the same bytes whoever makes it: a source that repeats a block repeats its rows. */
export function numberedBlock(n: number, startUs: number): { token: string; block: Uint8Array } {
  const rows = Array.from({ length: numberedRows }, (_, at) => ({
    time: startUs + at,
    block: n,
    packets: 1,
    bytes: n + 1,
    source: { workload: "killed" },
  }));
  return { token: `block:${n}`, block: flowBlock(rows) };
}
