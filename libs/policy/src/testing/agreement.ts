/** Holds what the kernel would do with compiled maps to what the evaluator says, in one random world. */
import type { Cluster } from "../cluster.ts";
import { compile } from "../compile.ts";
import type { CompiledPolicy } from "../compiled.ts";
import { CompiledJudge } from "../judge-compiled.ts";
import type { CompiledVerdict } from "../judge-compiled.ts";
import type { SideVerdict, Verdict } from "../judge.ts";
import { Judge } from "../judge.ts";
import { readManifests } from "../manifests.ts";
import type { Policy, Side } from "../network-policy.ts";
import { formatDiagnostic } from "../problem.ts";
import { defaultDenyText, ruleText } from "../tier.ts";
import type { Question } from "../traffic.ts";
import type { Choices } from "./choices.ts";
import { makeWorld, questionsOf } from "./world.ts";

export interface Evaluator {
  judge(question: Question): Verdict;
}

/** Compares one side's verdict, its reason and the text that the kernel's id stands for. */
function differ(
  side: Side,
  judged: SideVerdict,
  compiled: CompiledVerdict | undefined,
  texts: Map<number, string>,
): string | undefined {
  if (compiled === undefined) {
    const unasked = judged.reason === "outside" || judged.reason === "loopback";
    return unasked ? undefined : `${side}: evaluator ${judged.reason}, maps were not asked`;
  }
  if (judged.verdict !== compiled.verdict)
    return `${side}: evaluator ${judged.verdict} (${judged.reason}), maps ${compiled.verdict} (${compiled.reason})`;
  const text = texts.get(compiled.rule);
  if (compiled.reason === "policy") {
    const known = judged.rules.map((rule) => ruleText(rule));
    return known.includes(text ?? "")
      ? undefined
      : `${side}: rule ${text} is none of ${known.join(", ")}`;
  }
  if (compiled.reason === "default-deny") {
    const isolating = judged.isolating.map(({ namespace, name }) => `${namespace}/${name}`).sort();
    const expected = defaultDenyText(side, isolating);
    return text === expected ? undefined : `${side}: the rule set says ${text}, not ${expected}`;
  }
  // An endpoint that no policy isolates never looks at who the peer is.
  const expected =
    compiled.reason === "not-isolated" ? ["not-isolated", "node"] : [compiled.reason];
  return expected.includes(judged.reason)
    ? undefined
    : `${side}: evaluator ${judged.reason}, maps ${compiled.reason}`;
}

export function disagreement(
  questions: Iterable<Question>,
  cluster: Cluster,
  judge: Evaluator,
  compiled: CompiledPolicy,
): string | undefined {
  const maps = new CompiledJudge(compiled, cluster);
  const texts = new Map(compiled.rules.map(({ rule, text }) => [rule, text]));
  for (const question of questions) {
    const expected = judge.judge(question);
    const actual = maps.judge(question);
    const wrong =
      differ("egress", expected.egress, actual.egress, texts) ??
      differ("ingress", expected.ingress, actual.ingress, texts);
    if (wrong !== undefined) return `${JSON.stringify(question)}\n${wrong}`;
  }
  return undefined;
}

/** What is wrong in the world that the choices make. `judgeOf` is the evaluator, or one broken on purpose. */
export function checkWorld(
  choices: Choices,
  judgeOf = (cluster: Cluster, policies: Policy[]): Evaluator => new Judge(cluster, policies),
): string | undefined {
  const { cluster, policies } = makeWorld(choices);
  const text = JSON.stringify({ apiVersion: "v1", kind: "List", items: policies }, null, 2);
  const read = readManifests(text, "world.json");
  if (read.diagnostics.length > 0)
    return `${read.diagnostics.map((one) => formatDiagnostic(one)).join("\n")}\n${text}`;
  // What the policies mean must survive being stored as JSON.
  const stored = JSON.parse(JSON.stringify(read.policies)) as Policy[];
  const judge = judgeOf(cluster, read.policies);
  const wrong = disagreement(
    questionsOf(choices, cluster),
    cluster,
    judge,
    compile(cluster, stored),
  );
  return wrong === undefined ? undefined : `${wrong}\n${JSON.stringify(cluster)}\n${text}`;
}
