import { loadCyclonus } from "./data.ts";
import { applyCyclonusStep, cyclonusPairs } from "./expected.ts";
import { State } from "./state.ts";
import { disagreements, readVerdicts } from "./verdicts.ts";

const cyclonus = loadCyclonus();
const ports = [80, 81].flatMap((port) =>
  (["TCP", "UDP", "SCTP"] as const).map((protocol) => ({ port, protocol })),
);
const count = { cases: 0, steps: 0, verdicts: 0 };

const describeWithData = cyclonus === undefined ? describe.skip : describe;

describeWithData("cyclonus' cases (needs ../shared/conformance)", () => {
  it.each((cyclonus?.cases ?? []).map((one) => [one.id, one.description, one] as const))(
    "%s %s",
    (_id, _title, one) => {
      const state = new State(cyclonus?.initialNamespaces ?? {}, cyclonus?.initialPods ?? []);
      for (const [index, step] of one.steps.entries()) {
        applyCyclonusStep(state, step);
        const verdictsOf = readVerdicts(state.manifests(), ports);
        const { count: judged, wrong } = disagreements(
          cyclonusPairs(step),
          verdictsOf,
          (expected, actual) => actual === expected,
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
      `cyclonus: ${count.cases} cases, ${count.steps} steps, ${count.verdicts} verdicts with their sides, three ways\n`,
    );
  });
});
