import type { ListedPod, UpstreamCase } from "./data.ts";
import { loadUpstream } from "./data.ts";
import { State } from "./state.ts";
import { disagreements, readVerdicts } from "./verdicts.ts";
import type { Pair } from "./verdicts.ts";

const upstream = loadUpstream();
const protocols = ["TCP", "UDP", "SCTP"] as const;
const count = { cases: 0, steps: 0, verdicts: 0 };

function listedPod(key: string): ListedPod {
  const [namespace, name] = key.split("/") as [string, string];
  const ports = [80, 81].flatMap((port) =>
    protocols.map((protocol) => ({
      name: `serve-${port}-${protocol.toLowerCase()}`,
      port,
      protocol,
    })),
  );
  const ip = upstream?.ips[key] ?? "";
  return { namespace, name, labels: { pod: name }, ip, ports };
}

function* expectedPairs({
  expected,
  port,
  protocol,
}: UpstreamCase["steps"][number]): Generator<Pair & { verdict: string }> {
  for (const [from, row] of Object.entries(expected)) {
    for (const [to, allowed] of Object.entries(row)) {
      // The data does not judge a pod's talk to itself.
      if (from !== to) yield { from, to, port, protocol, verdict: allowed ? "allowed" : "blocked" };
    }
  }
}

const describeWithData = upstream === undefined ? describe.skip : describe;

describeWithData("the upstream end-to-end cases (needs ../shared/conformance)", () => {
  it.each((upstream?.cases ?? []).map((one) => [one.id, one.title, one] as const))(
    "%s %s",
    (_id, _title, one) => {
      const namespaces = [...new Set(one.pods.map((key) => key.split("/")[0] as string))];
      const labels = Object.fromEntries(
        namespaces.map((name) => [name, { "kubernetes.io/metadata.name": name }]),
      );
      const state = new State(
        labels,
        one.pods.map((key) => listedPod(key)),
      );
      for (const [index, step] of one.steps.entries()) {
        for (const action of step.actions ?? []) state.apply(action);
        const verdictsOf = readVerdicts(state.manifests(), [step]);
        const { count: judged, wrong } = disagreements(
          expectedPairs(step),
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
