import type { Cluster, ClusterPod } from "./cluster.ts";
import { Judge } from "./judge.ts";
import { readManifests } from "./manifests.ts";
import type { ObservedEdge, ObservedEnd } from "./observed-edge.ts";
import { recommend } from "./recommend.ts";
import type { Choices } from "./testing/choices.ts";
import { exampleCount, holdsForAll } from "./testing/choices.ts";
import type { Party, Question } from "./traffic.ts";

const namespaces = ["shop", "bank"];
const outside = ["192.0.2.7", "198.51.100.10", "2001:db8::7"];

function makePods(choices: Choices, index: number): ClusterPod[] {
  const workload = `w${index}`;
  const namespace = choices.pick(namespaces);
  const tier = choices.pick(["a", "b"]);
  const app = choices.pick([workload, "same"]);
  return choices.list(1, 3, (replica) => ({
    namespace,
    name: `${workload}-${replica}`,
    labels: { app, tier, id: workload, "pod-template-hash": `h${choices.below(3)}` },
    addresses: [`10.0.${index}.${replica + 1}`],
    ports: [],
    node: "n1",
    hostNetwork: false,
    workload,
    workloadKind: "Deployment",
  }));
}

type Named = { pods: ClusterPod[] } | { address: string };

function endOf(named: Named): ObservedEnd {
  if ("address" in named)
    return { kind: "", namespace: "", workload: "", name: "", address: named.address };
  const [pod] = named.pods;
  return { kind: "pod", namespace: pod!.namespace, workload: pod!.workload, name: "", address: "" };
}

interface Seen {
  from: Named;
  to: Named;
  edge: ObservedEdge;
}

function makeEdge(choices: Choices, workloads: ClusterPod[][]): Seen {
  const one: Named = { pods: choices.pick(workloads) };
  const other: Named = choices.oneIn(3)
    ? { address: choices.pick(outside) }
    : { pods: choices.pick(workloads) };
  const [from, to] = choices.oneIn(2) ? [other, one] : [one, other];
  const fate = choices.pick(["answered", "refused", "silent", "denied"]);
  const edge: ObservedEdge = {
    direction: choices.pick(["egress", "ingress"]),
    source: endOf(from),
    destination: endOf(to),
    port: choices.pick([53, 80, 81, 83, 443]),
    protocol: choices.pick(["TCP", "UDP"]),
    connections: 3,
    answered: fate === "answered" ? 3 : 0,
    refused: fate === "refused" ? 3 : 0,
    denied: fate === "denied" ? 3 : 0,
    guessed: 0,
    bytes: 1,
    replyBytes: 1,
    first: 1,
    last: 2,
  };
  return { from, to, edge };
}

/** Every pod of the one end with every pod of the other. */
function* questions({ from, to, edge }: Seen): Generator<Question> {
  const parties = (named: Named): Party[] =>
    "pods" in named ? named.pods.map((pod) => ({ pod })) : [named];
  for (const source of parties(from)) {
    for (const destination of parties(to)) {
      if ("pod" in source && "pod" in destination && source.pod === destination.pod) continue;
      yield {
        from: source,
        to: destination,
        port: edge.port,
        protocol: edge.protocol as "TCP" | "UDP",
      };
    }
  }
}

function sameEdge(a: Seen, b: Seen): boolean {
  const key = ({ from, to, edge }: Seen): string =>
    JSON.stringify([endOf(from), endOf(to), edge.port, edge.port === 53 ? "" : edge.protocol]);
  return key(a) === key(b);
}

function check(choices: Choices): string | undefined {
  const workloads = choices.list(2, 5, (index) => makePods(choices, index));
  const cluster: Cluster = {
    namespaces: {},
    pods: workloads.flat(),
    nodes: [{ name: "n1", addresses: ["10.9.0.1"] }],
  };
  const seen = choices.list(0, 12, () => makeEdge(choices, workloads));
  // No scanners here: who is one has tests of its own.
  const scan = { minFailedTargets: 1000, minFailedPorts: 1000, maxLuckyConnections: 0 };
  const all = recommend(
    seen.map(({ edge }) => edge),
    cluster,
    { from: 0, until: 10, generator: "weir", scan },
  );
  const text = all.map((one) => one.text).join("---\n");
  const { policies, diagnostics } = readManifests(text, "suggestions.yaml");
  const fail = (why: string): string =>
    `${why}\n${JSON.stringify(seen.map(({ edge }) => edge))}\n${text}`;
  if (diagnostics.length > 0) return fail(JSON.stringify(diagnostics));
  const judge = new Judge(cluster, policies);
  const evidenced = seen.filter(({ edge }) => edge.answered > 0);
  for (const one of seen) {
    const wanted = evidenced.some((other) => sameEdge(other, one));
    for (const question of questions(one)) {
      const { verdict, egress, ingress } = judge.judge(question);
      if (wanted && verdict === "denied")
        return fail(`denied though answered: ${JSON.stringify(question)}`);
      const judged = [egress, ingress].some(
        (side) => side.reason === "policy" || side.reason === "default-deny",
      );
      // What DNS a workload may ask is not only its own evidence: others' resolvers count.
      if (!wanted && judged && verdict === "allowed" && question.port !== 53) {
        return fail(`allowed though never answered: ${JSON.stringify(question)}`);
      }
    }
  }
  return undefined;
}

describe("recommended policies", () => {
  it("allow exactly what was answered, in random clusters", () => {
    holdsForAll(
      "recommendations allow what was answered and nothing else seen",
      exampleCount(300),
      check,
    );
  }, 300_000);
});
