import { formatDiagnostic, readManifests } from "@weir/policy";
import type { HeardNode } from "./nodes.ts";
import { type Policies, policyKey } from "./policies.ts";

/** Documents read for one answer at most; beyond that the controller is behind, not they wrong. */
const maxRead = 20;

/** Why a wanted policy is not in force, by `namespace/name`; only of those that are not. */
export function policyProblems(policies: Policies): Map<string, string> {
  const compiled = policies.compiled()?.documents;
  const problems = new Map<string, string>();
  for (const [key, one] of policies.wanted()) {
    const inForce = compiled?.get(key)?.text;
    if (inForce === one.text) continue;
    const error = problems.size < maxRead ? errorOf(one.text, key) : undefined;
    const instead = inForce === undefined ? "" : "; the text before stays in force";
    problems.set(key, `${error ?? "the controller has not compiled it yet"}${instead}`);
  }
  return problems;
}

function errorOf(text: string, key: string): string | undefined {
  const { policies, diagnostics } = readManifests(text, key);
  const wrong = diagnostics.find(({ severity }) => severity === "error");
  if (wrong) return formatDiagnostic(wrong);
  const [policy] = policies;
  if (policies.length !== 1 || policy === undefined) return `${key}: it is not one NetworkPolicy`;
  return policyKey(policy) === key ? undefined : `${key}: the text is of ${policyKey(policy)}`;
}

/** Why live nodes do not hold the newest policy: it could not be written, the former is in force. */
export function nodeProblems(nodes: HeardNode[]): string[] {
  return nodes.flatMap(({ report }) =>
    report.error === null
      ? []
      : [`${report.node} holds generation ${report.generation}: ${report.error}`],
  );
}
