import type { PolicyChange } from "@weir/codec";
import type { EnactedAnswer } from "./answers.ts";
import type { Nodes } from "./nodes.ts";
import { type CompiledPolicies, type Policies, policyKey } from "./policies.ts";
import { Problem } from "./problem.ts";

/** What came of a change; the warnings are the caller's. */
export type Enacted = Omit<EnactedAnswer, "warnings">;

export interface Change {
  changes: PolicyChange[];
  /** `namespace/name` */
  deletions: string[];
}

/**
 * Makes changes of policy true, one after another: publishes them, waits until the controller has
 * compiled them and every live node's kernel holds the outcome. Rejects with a Problem when that
 * takes longer than `timeoutMs` or a node reports why it cannot.
 */
export function createEnactor(
  policies: Policies,
  nodes: Nodes,
  timeoutMs: number,
): (change: Change) => Promise<Enacted> {
  let last: Promise<unknown> = Promise.resolve();
  return (change) => {
    const mine = last.then(() => enact(policies, nodes, timeoutMs, change));
    last = mine.catch(() => undefined);
    return mine;
  };
}

async function enact(
  policies: Policies,
  nodes: Nodes,
  timeoutMs: number,
  { changes, deletions }: Change,
): Promise<Enacted> {
  const deadline = Date.now() + timeoutMs;
  const before = policies.compiled()?.generation ?? 0;
  const changed =
    changes.some((one) => {
      const held = policies.wanted().get(policyKey(one));
      return held?.text !== one.text || held.shadow !== one.shadow;
    }) || deletions.some((key) => policies.wanted().has(key));
  if (changed) await policies.publish(changes, deletions);

  const isCompiled = (): boolean => {
    const set = policies.compiled();
    if (set === undefined) return false;
    return (!changed || set.generation > before) && holds(set, changes, deletions);
  };
  if (!(await policies.wait(isCompiled, deadline - Date.now()))) {
    throw new Problem(
      504,
      "not compiled in time",
      `the controller has not published the policy within ${timeoutMs} ms; it is kept and will be. Does it run? See: weir status`,
    );
  }
  const set = policies.compiled() as CompiledPolicies;
  const behind = await confirm(nodes, set, deadline);
  if (behind.length > 0) {
    throw new Problem(
      504,
      "not in force everywhere",
      `generation ${set.generation} is published, but not every node holds it; on those the previous policy stays in force`,
      behind,
    );
  }
  return {
    generation: set.generation,
    mode: set.mode,
    nodes: nodes.live().map((node) => node.report.node),
    applied: changes.map(policyKey),
    deleted: deletions,
    changed,
  };
}

function holds(set: CompiledPolicies, changes: PolicyChange[], deletions: string[]): boolean {
  const { documents } = set;
  return (
    changes.every((one) => documents.get(policyKey(one))?.text === one.text) &&
    deletions.every((key) => !documents.has(key))
  );
}

/** Waits for the live nodes; returns a line for each that does not hold the set in time. */
async function confirm(nodes: Nodes, set: CompiledPolicies, deadline: number): Promise<string[]> {
  const behind = (): string[] =>
    nodes
      .live()
      .map((node) => node.report)
      .filter((report) => report.generation < set.generation || report.revision < set.revision)
      .map((report) => {
        const held = `${report.node}: holds generation ${report.generation}`;
        return report.error === null ? held : `${held}; ${report.error}`;
      });
  await nodes.wait(() => behind().length === 0, Math.max(deadline - Date.now(), 0));
  return behind();
}
