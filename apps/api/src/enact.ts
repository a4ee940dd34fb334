import type { NodeReport, PolicyChange } from "@weir/codec";
import type { EnactedAnswer } from "./answers.ts";
import type { Nodes } from "./nodes.ts";
import { type CompiledPolicies, type Policies, policyKey } from "./policies.ts";
import { Problem } from "./problem.ts";

export interface Change {
  changes: PolicyChange[];
  /** `namespace/name` */
  deletions: string[];
}

/** Asked when it is the change's turn, so that it rests on what the one before has left. */
export type ChangeOnTurn = () => Promise<Change> | Change;

/**
 * Makes changes of policy true: publishes them one after another, waits until the controller has
 * compiled them, then until every live node's kernel holds the outcome. A node that does not answer
 * keeps its own change waiting, not those after it. Rejects with a Problem when it takes longer than
 * `timeoutMs`, naming the nodes that do not hold it, or when somebody else changed the same policy
 * meanwhile.
 */
export function createEnactor(
  policies: Policies,
  nodes: Nodes,
  timeoutMs: number,
): (change: ChangeOnTurn) => Promise<EnactedAnswer> {
  let last: Promise<unknown> = Promise.resolve();
  return async (ask) => {
    const turn = last.then(async () => {
      const change = await ask();
      const deadline = Date.now() + timeoutMs;
      return { change, deadline, ...(await compile(policies, change, deadline, timeoutMs)) };
    });
    last = turn.catch(() => undefined);
    const { change, deadline, compiled, changed } = await turn;
    const held = await confirm(nodes, compiled, deadline);
    return {
      generation: compiled.generation,
      mode: compiled.mode,
      nodes: held,
      applied: change.changes.map(policyKey),
      deleted: change.deletions,
      changed,
      warnings: [...unheard(nodes, held), ...limited(nodes, held, compiled)],
    };
  };
}

/** Publishes what differs from what is wanted, and waits for the controller. */
async function compile(
  policies: Policies,
  { changes, deletions }: Change,
  deadline: number,
  timeoutMs: number,
): Promise<{ compiled: CompiledPolicies; changed: boolean }> {
  const wanted = policies.wanted();
  const different = changes.filter((one) => !isSame(wanted.get(policyKey(one)), one));
  const gone = deletions.filter((key) => wanted.has(key));
  const changed = different.length > 0 || gone.length > 0;
  if (changed) await policies.publish(different, gone);
  const arrived = (): boolean =>
    changes.every((one) => isSame(wanted.get(policyKey(one)), one)) &&
    deletions.every((key) => !wanted.has(key));
  if (!(await policies.wait(arrived, deadline - Date.now()))) {
    throw superseded(wanted, changes, deletions);
  }
  const isCompiled = (): boolean => !arrived() || holds(policies, changes, deletions);
  const inTime = await policies.wait(isCompiled, deadline - Date.now());
  if (!arrived()) throw superseded(wanted, changes, deletions);
  const compiled = policies.compiled();
  if (inTime && compiled !== undefined) return { compiled: { ...compiled }, changed };
  throw new Problem(
    504,
    "not compiled in time",
    `the controller has not published the policy within ${timeoutMs} ms; it is kept and will be. Does it run? See: weir status`,
  );
}

function isSame(held: PolicyChange | undefined, one: PolicyChange): boolean {
  return held?.text === one.text && held.shadow === one.shadow;
}

/** What is compiled says all of it, in the mode that what is wanted asks for. */
function holds(policies: Policies, changes: PolicyChange[], deletions: string[]): boolean {
  const set = policies.compiled();
  if (set === undefined) return false;
  const { documents, mode } = set;
  return (
    changes.every((one) => documents.get(policyKey(one))?.text === one.text) &&
    deletions.every((key) => !documents.has(key)) &&
    mode === wantedMode(policies.wanted(), documents)
  );
}

/** The kernel has one mode for all; of documents that never compiled nothing is in force. */
function wantedMode(
  wanted: ReadonlyMap<string, PolicyChange>,
  inForce: CompiledPolicies["documents"],
): string {
  if (inForce.size === 0) return "observe";
  for (const key of inForce.keys()) if (wanted.get(key)?.shadow) return "shadow";
  return "enforce";
}

function superseded(
  wanted: ReadonlyMap<string, PolicyChange>,
  changes: PolicyChange[],
  deletions: string[],
): Problem {
  const others = [
    ...changes.filter((one) => !isSame(wanted.get(policyKey(one)), one)).map(policyKey),
    ...deletions.filter((key) => wanted.has(key)),
  ];
  return new Problem(
    409,
    "changed by somebody else",
    `somebody else changed ${others.slice(0, 5).join(", ")} at the same moment; look with: weir policy list`,
  );
}

/** Nodes that could not be asked: what they enforce is not known. */
function unheard(nodes: Nodes, held: string[]): string[] {
  if (held.length === 0) {
    return ["no collector runs: the policy is kept, and in force as soon as one does"];
  }
  return nodes
    .all()
    .filter(({ report }) => !held.includes(report.node))
    .map(({ report, heardMs }) => {
      const seconds = Math.round((Date.now() - heardMs) / 1000);
      return `node ${report.node} has not reported for ${seconds} s: whether it holds the policy is not known`;
    });
}

/** Nodes whose own configuration lets a policy do less than it says. */
function limited(nodes: Nodes, held: string[], set: CompiledPolicies): string[] {
  return nodes
    .all()
    .map(({ report }) => report)
    .filter((report) => held.includes(report.node) && report.generation === set.generation)
    .filter((report) => report.mode !== set.mode)
    .map(
      (report) =>
        `node ${report.node} holds the policy in mode ${report.mode}: its configuration (modeLimit) allows no more`,
    );
}

/**
 * The nodes that hold the set: all that live, also those that fall silent meanwhile. Throws a Problem
 * with a line for each that does not in time.
 */
async function confirm(nodes: Nodes, set: CompiledPolicies, deadline: number): Promise<string[]> {
  const asked = new Set<string>();
  const reports = (): NodeReport[] => {
    for (const { report } of nodes.live()) asked.add(report.node);
    return nodes
      .all()
      .map(({ report }) => report)
      .filter(({ node }) => asked.has(node));
  };
  const behind = (): string[] =>
    reports()
      .filter(
        (report) =>
          report.generation < set.generation ||
          report.revision < set.revision ||
          // It holds the policy, and packets of those interfaces are not judged by it.
          (report.counters["interfaces_unwatched"] ?? 0) > 0,
      )
      .map((report) => {
        const held = `${report.node}: holds generation ${report.generation}`;
        return report.error === null ? held : `${held}; ${report.error}`;
      });
  await nodes.wait(() => behind().length === 0, Math.max(deadline - Date.now(), 0));
  const late = behind();
  if (late.length === 0) return reports().map(({ node }) => node);
  throw new Problem(
    504,
    "not in force everywhere",
    `generation ${set.generation} is published, but not every node holds it; on those the previous policy stays in force`,
    late,
  );
}
