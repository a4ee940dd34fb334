/** Random worlds: the kernels' verdicts of every pair of pods against the evaluator's. */
import { podKey } from "@weir/policy";
import { Choices, exampleCount, freshSeed } from "../../../libs/policy/src/testing/choices.ts";
import type { LabBed } from "./lab/bed.ts";
import { hold } from "./lab/hold.ts";
import type { Expected } from "./lab/hold.ts";
import { addressOf, makeLabWorld, pairsOf, stand, worldLab, worldPorts } from "./lab/world-lab.ts";
import type { LabWorld, StandingWorld } from "./lab/world-lab.ts";
import { isFull } from "./run-size.ts";

const worlds = exampleCount(isFull ? 100 : 6);
const portsPerWorld = 3;

describe("random worlds in the lab", () => {
  const seed = freshSeed();
  let bed: LabBed;
  const count = { judged: 0, denied: 0, late: 0 };

  beforeAll(async () => {
    bed = await worldLab("wd", worldPorts);
  }, 60_000);
  afterAll(() => bed?.down(), 60_000);

  it(`get the evaluator's verdict from the kernel, ${worlds} of them`, async () => {
    const startedMs = Date.now();
    for (let index = 0; index < worlds; index += 1) {
      const choices = Choices.random(seed + index);
      const world = makeLabWorld(choices, bed.pods());
      const standing = await stand(bed, world);
      const family = choices.pick([4, 6] as const);
      const expected = expectedOf(standing, family, choices);
      const pods = new Map(standing.cluster.pods.map((pod) => [podKey(pod), pod]));
      const outcome = await hold(
        bed,
        expected,
        (key) => addressOf(pods.get(key) as never, family),
        family,
      );
      if (outcome.wrong.length > 0) throw new Error(complaint(seed + index, world, outcome.wrong));
      count.judged += outcome.judged;
      count.denied += outcome.denied;
      count.late += outcome.late;
      bed.recorder.forget();
      if (isFull && (index + 1) % 10 === 0)
        say(`worlds: ${index + 1} of ${worlds}, ${Math.round((Date.now() - startedMs) / 1000)} s`);
    }
    const { judged, denied, late } = count;
    say(
      `worlds: ${worlds} from seed ${seed} (WEIR_SEED repeats them), ${judged} verdicts over TCP and UDP, ` +
        `${denied} of them denials that a kernel reported at the expected side, ${late} answers at the second try, ` +
        `${Math.round((Date.now() - startedMs) / 1000)} s`,
    );
    expect(judged).toBeGreaterThan(100 * worlds);
    // A world alone may deny nothing.
    expect(denied).toBeGreaterThan(worlds < 6 ? -1 : 0);
    expect(denied).toBeLessThan(judged);
  }, 1_800_000);
});

function expectedOf(standing: StandingWorld, family: 4 | 6, choices: Choices): Expected[] {
  const ports = new Set(choices.list(portsPerWorld, portsPerWorld, () => choices.pick(worldPorts)));
  return [...pairsOf(standing.cluster, family)].flatMap(({ from, to, keys: [one, two] }) =>
    [...ports].flatMap((port) =>
      (["TCP", "UDP"] as const).map((protocol): Expected => {
        const { egress, ingress } = standing.judge.judge({ from, to, port, protocol, family });
        const denied =
          egress.verdict === "denied"
            ? "egress"
            : ingress.verdict === "denied"
              ? "ingress"
              : undefined;
        return { from: one, to: two, port, protocol, denied };
      }),
    ),
  );
}

function complaint(seed: number, world: LabWorld, wrong: readonly string[]): string {
  return `repeat with WEIR_SEED=${seed} WEIR_WORLDS=1\n${wrong.join("\n")}\n${JSON.stringify(world, null, 1)}`;
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}
