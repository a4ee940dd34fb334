import {
  clusterOf,
  compile,
  CompiledJudge,
  formatDiagnostic,
  Judge,
  matrix,
  podKey,
  readManifests,
} from "@weir/policy";
import type { PortProtocol, Question } from "@weir/policy";

export interface Pair {
  from: string;
  to: string;
  port: number;
  protocol: PortProtocol;
}

/** `allowed`, or `blocked:` and the sides that deny, from each way weir has to a verdict. */
export interface Verdicts {
  evaluator: string;
  compiled: string;
  matrix: string;
}

interface Sides {
  egress: string | undefined;
  ingress: string | undefined;
}

function word({ egress, ingress }: Sides): string {
  const blocked = `${egress === "denied" ? "e" : ""}${ingress === "denied" ? "i" : ""}`;
  return blocked === "" ? "allowed" : `blocked:${blocked}`;
}

/** Reads the manifests and answers from all three. Throws with every diagnostic the reader has. */
export function readVerdicts(
  text: string,
  ports: readonly { port: number; protocol: PortProtocol }[],
): (pair: Pair) => Verdicts {
  const manifests = readManifests(text, "case.json");
  if (manifests.diagnostics.length > 0)
    throw new Error(manifests.diagnostics.map((one) => formatDiagnostic(one)).join("\n"));
  const cluster = clusterOf(manifests);
  const pods = new Map(cluster.pods.map((pod) => [podKey(pod), pod]));
  const judge = new Judge(cluster, manifests.policies);
  const compiled = new CompiledJudge(compile(cluster, manifests.policies), cluster);
  const lines = new Map(
    [...matrix(cluster, manifests.policies, ports)].map((line) => [
      `${line.from} ${line.to} ${line.protocol}/${line.port}`,
      line,
    ]),
  );
  return ({ from, to, port, protocol }) => {
    const [source, destination] = [pods.get(from), pods.get(to)];
    if (source === undefined || destination === undefined)
      throw new Error(`no pod ${from} or ${to}`);
    const question: Question = { from: { pod: source }, to: { pod: destination }, port, protocol };
    const judged = judge.judge(question);
    const held = compiled.judge(question);
    const line = lines.get(`${from} ${to} ${protocol}/${port}`);
    return {
      evaluator: word({ egress: judged.egress.verdict, ingress: judged.ingress.verdict }),
      compiled: word({ egress: held.egress?.verdict, ingress: held.ingress?.verdict }),
      matrix: word({ egress: line?.egress ?? "no line", ingress: line?.ingress ?? "no line" }),
    };
  };
}

/** Verdicts of a step that are not as expected, at most a few of them. */
export function disagreements(
  expected: Iterable<Pair & { verdict: string }>,
  verdictsOf: (pair: Pair) => Verdicts,
  same: (expected: string, actual: string) => boolean,
): { count: number; wrong: string[] } {
  const wrong: string[] = [];
  let count = 0;
  for (const { verdict, ...pair } of expected) {
    count += 1;
    for (const [who, actual] of Object.entries(verdictsOf(pair))) {
      if (same(verdict, actual)) continue;
      wrong.push(
        `${who}: ${pair.from} -> ${pair.to} ${pair.protocol}/${pair.port} is ${actual}, not ${verdict}`,
      );
    }
  }
  return { count, wrong: wrong.slice(0, 10) };
}
