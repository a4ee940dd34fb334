import { findCovered } from "./covered-policy.ts";
import { Judge } from "./judge.ts";
import { readManifests } from "./manifests.ts";
import type { Policy } from "./network-policy.ts";
import { selects } from "./selector.ts";
import type { Choices } from "./testing/choices.ts";
import { exampleCount, holdsForAll } from "./testing/choices.ts";
import { makeWorld, questionsOf } from "./testing/world.ts";

let findings = 0;

function check(choices: Choices): string | undefined {
  const { cluster, policies: written } = makeWorld(choices);
  // The same policy under another name, so that there is something to find.
  const again = written.map((one) => ({ ...one, metadata: { ...one.metadata, name: "again" } }));
  const items = [...written, ...again.slice(0, choices.below(2))];
  const text = JSON.stringify({ apiVersion: "v1", kind: "List", items });
  const { policies } = readManifests(text, "world.json");
  const covered = findCovered(
    policies.map((policy) => ({
      policy,
      selected: cluster.pods.filter(
        (pod) =>
          !pod.hostNetwork &&
          pod.namespace === policy.namespace &&
          selects(policy.selector, pod.labels),
      ),
    })),
  );
  findings += covered.policies.length + covered.rules.length;
  const dead = new Set(covered.policies.map((one) => one.dead));
  const kept = policies
    .filter((policy) => !dead.has(policy))
    .map((policy): Policy => {
      const gone = covered.rules.filter((one) => one.policy === policy).map((one) => one.dead);
      const without = (side: "ingress" | "egress") =>
        policy[side]?.filter(
          (_, index) => !gone.some((one) => one.side === side && one.index === index),
        ) ?? null;
      return { ...policy, ingress: without("ingress"), egress: without("egress") };
    });
  const [before, after] = [new Judge(cluster, policies), new Judge(cluster, kept)];
  for (const question of questionsOf(choices, cluster)) {
    const [one, other] = [before.judge(question), after.judge(question)];
    if (one.verdict !== other.verdict)
      return `${JSON.stringify(question)} was ${one.verdict}\n${JSON.stringify(covered.policies.map((found) => found.dead.name))} ${JSON.stringify(covered.rules.map((found) => found.dead))}\n${text}`;
  }
  return undefined;
}

describe("what is said to be dead", () => {
  it("can go without anybody noticing", () => {
    holdsForAll("dead policies and rules change no verdict", exampleCount(150), check);
    if (exampleCount(150) >= 100) expect(findings).toBeGreaterThan(0);
  }, 600_000);
});
