import { kernelCases } from "./kernel-cases.ts";
import type { KernelCase } from "./kernel-cases.ts";
import { covering, featuresOf } from "./features.ts";
import { LabBed } from "./lab/bed.ts";
import { bring } from "./lab/bring.ts";
import { hold } from "./lab/hold.ts";
import { isFull } from "./run-size.ts";

const { upstream, cyclonus } = kernelCases();
const all = [...upstream, ...cyclonus];
const chosen = isFull ? all : covering(all, (one) => featuresOf(one.actions));
const count = { upstream: 0, cyclonus: 0, steps: 0, judged: 0, denied: 0, late: 0, sctpOnly: 0 };
const caseTimeoutMs = 120_000;

const describeWithData = all.length === 0 ? describe.skip : describe;

describeWithData("the kernel's own verdicts, in the lab (needs ../shared/conformance)", () => {
  let bed: LabBed;
  const startedMs = Date.now();

  beforeAll(async () => {
    if (!isFull) say(`kernel: ${chosen.map((one) => one.id).join(" ")} (they use every feature)`);
    const state = (all[0] as KernelCase).begin();
    bed = await LabBed.up({ name: "cf", manifests: state.manifests(), nodes: 2 });
  }, 60_000);

  afterAll(async () => {
    await bed?.down();
    const { steps, judged, denied, late, sctpOnly } = count;
    say(
      `kernel: ${count.upstream}/${upstream.length} upstream and ${count.cyclonus}/${cyclonus.length} cyclonus cases, ` +
        `${steps} steps, ${judged} verdicts over TCP and UDP, ${denied} of them denials that a kernel reported at the ` +
        `expected side, ${late} answers at the second try; ${sctpOnly} steps ask for SCTP only, which no kernel here ` +
        `can send: the evaluator, the compiled maps and the matrix judge it; ${Math.round((Date.now() - startedMs) / 1000)} s`,
    );
  }, 60_000);

  it.each(chosen.map((one) => [one.id, one.title, one] as const))(
    "%s %s",
    async (id, _title, one) => {
      const state = one.begin();
      for (const [index, step] of one.steps.entries()) {
        step.apply(state);
        await bring(bed, state);
        const expected = step.expected();
        const addresses = new Map([...state.pods].map(([key, pod]) => [key, pod.ip]));
        const outcome = await hold(bed, expected, (pod) => addresses.get(pod));
        expect({ id, step: index, wrong: outcome.wrong }).toEqual({ id, step: index, wrong: [] });
        count.steps += 1;
        count.sctpOnly += expected.length === 0 ? 1 : 0;
        count.judged += outcome.judged;
        count.denied += outcome.denied;
        count.late += outcome.late;
      }
      count[upstream.includes(one) ? "upstream" : "cyclonus"] += 1;
      const done = count.upstream + count.cyclonus;
      if (isFull && done % 10 === 0)
        say(
          `kernel: ${done} of ${chosen.length} cases, ${Math.round((Date.now() - startedMs) / 1000)} s`,
        );
      bed.recorder.forget();
    },
    caseTimeoutMs,
  );
});

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}
