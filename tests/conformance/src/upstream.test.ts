import { loadUpstream } from "./data.ts";
import { upstreamPairs, upstreamState } from "./expected.ts";
import { disagreements, readVerdicts } from "./verdicts.ts";

const upstream = loadUpstream();
const count = { cases: 0, steps: 0, verdicts: 0 };

const describeWithData = upstream === undefined ? describe.skip : describe;

describeWithData("the upstream end-to-end cases (needs ../shared/conformance)", () => {
  it.each((upstream?.cases ?? []).map((one) => [one.id, one.title, one] as const))(
    "%s %s",
    (_id, _title, one) => {
      const state = upstreamState(one.pods, upstream?.ips ?? {});
      for (const [index, step] of one.steps.entries()) {
        for (const action of step.actions ?? []) state.apply(action);
        const verdictsOf = readVerdicts(state.manifests(), [step]);
        const { count: judged, wrong } = disagreements(
          upstreamPairs(step),
          verdictsOf,
          (expected, actual) => actual.split(":")[0] === expected,
        );
        expect({ step: index, wrong }).toEqual({ step: index, wrong: [] });
        expect(judged).toBeGreaterThan(0);
        count.verdicts += judged;
        count.steps += 1;
      }
      count.cases += 1;
    },
  );

  afterAll(() => {
    process.stderr.write(
      `upstream: ${count.cases} cases, ${count.steps} steps, ${count.verdicts} verdicts, three ways\n`,
    );
  });
});
