/** `node libs/policy/src/testing/growth-table.ts [SHAPE PODS POLICIES]` prints the table of GROWTH.md. */
import type { Growth } from "./growth.ts";
import { measureGrowth } from "./growth.ts";
import type { GrowthShape } from "./growth-world.ts";

const sizes = [100, 1000, 10_000].flatMap((pods) =>
  [10, 100, 1000, 3000].map((policies) => [pods, policies] as const),
);
const nasty = ["oneOff", "manyBlocks", "wideRanges", "everybody", "sameSelector"] as const;

export const growthCases: (readonly [GrowthShape, number, number])[] = [
  ...sizes.map(([pods, policies]) => ["usual", pods, policies] as const),
  ...nasty.flatMap((shape) =>
    [
      [1000, 100],
      [1000, 3000],
    ].map(([pods, policies]) => [shape, pods as number, policies as number] as const),
  ),
];

function line(one: Growth): string {
  const ms = (value: number): string => value.toFixed(value < 10 ? 2 : 0);
  return `| ${[
    one.shape,
    one.pods,
    one.policies,
    one.identities,
    one.prefixes,
    one.ruleSets,
    one.rules,
    `${(one.bytes / 1024).toFixed(0)} KiB`,
    ms(one.fullMs),
    ms(one.editCpuMs),
    `${ms(one.editP50Ms)} / ${ms(one.editP99Ms)} / ${ms(one.editMaxMs)}`,
    `${one.writesP50} / ${one.writesMax}`,
  ].join(" | ")} |`;
}

const [shape, pods, policies] = process.argv.slice(2);
const wanted: typeof growthCases =
  shape === undefined ? growthCases : [[shape as GrowthShape, Number(pods), Number(policies)]];
process.stdout.write(
  "| shape | pods | policies | identities | prefixes | rule sets | rules | bytes | full, CPU ms | edit, CPU ms | edit p50 / p99 / max, ms | writes p50 / max |\n|---|---|---|---|---|---|---|---|---|---|---|---|\n",
);
for (const [one, many, some] of wanted)
  process.stdout.write(`${line(measureGrowth(one, many, some))}\n`);
