import type { PortProtocol } from "@weir/policy";
import type { CyclonusCase } from "./data.ts";
import { loadCyclonus } from "./data.ts";
import { State } from "./state.ts";
import { disagreements, readVerdicts } from "./verdicts.ts";
import type { Pair } from "./verdicts.ts";

const cyclonus = loadCyclonus();
const ports = [80, 81].flatMap((port) =>
  (["TCP", "UDP", "SCTP"] as const).map((protocol) => ({ port, protocol })),
);
const count = { cases: 0, steps: 0, verdicts: 0 };

function* expectedPairs({
  expected,
}: CyclonusCase["steps"][number]): Generator<Pair & { verdict: string }> {
  for (const [from, row] of Object.entries(expected)) {
    for (const [to, cell] of Object.entries(row)) {
      for (const [key, verdict] of Object.entries(cell)) {
        const [protocol, port] = key.split("/") as [PortProtocol, string];
        yield { from, to, port: Number(port), protocol, verdict };
      }
    }
  }
}

const describeWithData = cyclonus === undefined ? describe.skip : describe;

describeWithData("cyclonus' cases (needs ../shared/conformance)", () => {
  it.each((cyclonus?.cases ?? []).map((one) => [one.id, one.description, one] as const))(
    "%s %s",
    (_id, _title, one) => {
      const state = new State(cyclonus?.initialNamespaces ?? {}, cyclonus?.initialPods ?? []);
      for (const [index, step] of one.steps.entries()) {
        for (const action of step.actions ?? []) state.apply(action);
        // A created pod's ports are only listed with the step.
        for (const pod of step.pods) {
          const known = state.pods.get(`${pod.namespace}/${pod.name}`);
          expect(known?.labels).toEqual(pod.labels);
          state.pods.set(`${pod.namespace}/${pod.name}`, pod);
        }
        const verdictsOf = readVerdicts(state.manifests(), ports);
        const { count: judged, wrong } = disagreements(
          expectedPairs(step),
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
