import type { Cluster } from "./cluster.ts";
import type { CompiledPolicy } from "./compiled.ts";
import { compile } from "./compile.ts";
import { CompiledJudge } from "./judge-compiled.ts";
import type { CompiledVerdict } from "./judge-compiled.ts";
import type { SideVerdict } from "./judge.ts";
import { Judge } from "./judge.ts";
import { readManifests } from "./manifests.ts";
import type { Policy, Side } from "./network-policy.ts";
import { formatDiagnostic } from "./problem.ts";
import { exampleCount, holdsForAll } from "./testing/choices.ts";
import type { Choices } from "./testing/choices.ts";
import { makeWorld, questionsOf } from "./testing/world.ts";
import { defaultDenyText, ruleText } from "./tier.ts";

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

function compare(
  choices: Choices,
  cluster: Cluster,
  policies: Policy[],
  compiled: CompiledPolicy,
): string | undefined {
  const judge = new Judge(cluster, policies);
  const maps = new CompiledJudge(compiled, cluster);
  const texts = new Map(compiled.rules.map(({ rule, text }) => [rule, text]));
  for (const question of questionsOf(choices, cluster)) {
    const expected = judge.judge(question);
    const actual = maps.judge(question);
    const wrong =
      differ("egress", expected.egress, actual.egress, texts) ??
      differ("ingress", expected.ingress, actual.ingress, texts);
    if (wrong !== undefined) return `${JSON.stringify(question)}\n${wrong}`;
  }
  return undefined;
}

function check(choices: Choices): string | undefined {
  const { cluster, policies } = makeWorld(choices);
  const text = JSON.stringify({ apiVersion: "v1", kind: "List", items: policies }, null, 2);
  const read = readManifests(text, "world.json");
  if (read.diagnostics.length > 0)
    return `${read.diagnostics.map((one) => formatDiagnostic(one)).join("\n")}\n${text}`;
  // What the policies mean must survive being stored as JSON.
  const stored = JSON.parse(JSON.stringify(read.policies)) as Policy[];
  const wrong = compare(choices, cluster, read.policies, compile(cluster, stored));
  return wrong === undefined ? undefined : `${wrong}\n${JSON.stringify(cluster)}\n${text}`;
}

describe("compiled maps", () => {
  it("give the evaluator's verdict and reason in random worlds", () => {
    holdsForAll("evaluator and compiled maps agree", exampleCount(500), check);
  }, 600_000);
});
