import type { Cluster } from "./cluster.ts";
import { Judge } from "./judge.ts";
import type { Policy } from "./network-policy.ts";
import { checkWorld } from "./testing/agreement.ts";
import type { Evaluator } from "./testing/agreement.ts";
import { Choices, exampleCount, holdsForAll, shrink } from "./testing/choices.ts";
import { partsSeen } from "./testing/api-parts.ts";
import { makeWorld } from "./testing/world.ts";

describe("compiled maps", () => {
  it("give the evaluator's verdict and reason in random worlds", () => {
    holdsForAll("evaluator and compiled maps agree", exampleCount(250), (choices) =>
      checkWorld(choices),
    );
  }, 1_800_000);
});

describe("random worlds", () => {
  it("use every part of the API", () => {
    const seen = new Map<string, number>();
    for (let seed = 1; seed <= 600; seed += 1) {
      for (const [part, there] of partsSeen(makeWorld(Choices.random(seed)))) {
        seen.set(part, (seen.get(part) ?? 0) + (there ? 1 : 0));
      }
    }
    expect([...seen].filter(([, count]) => count < 5)).toEqual([]);
  });

  /** Forgets excepts: the evaluator of somebody who read the API too fast. */
  function careless(cluster: Cluster, policies: Policy[]): Evaluator {
    const text = JSON.stringify(policies).replaceAll(/"except":\[[^\]]*\]/g, '"except":[]');
    return new Judge(cluster, JSON.parse(text) as Policy[]);
  }

  it("find an evaluator that is wrong, and shrink the world to what shows it", () => {
    const fails = (taken: readonly number[]): string | undefined =>
      checkWorld(Choices.replay(taken), careless);
    const found = Array.from({ length: 400 }, (_, seed) => Choices.random(seed)).find(
      (choices) => checkWorld(choices, careless) !== undefined,
    );
    const smallest = shrink((found as Choices).taken, fails);
    const { cluster, policies } = makeWorld(Choices.replay(smallest));
    expect(fails(smallest)).toContain("maps denied");
    expect(smallest.length).toBeLessThan((found as Choices).taken.length / 2);
    expect(policies).toHaveLength(1);
    expect(cluster.pods.length).toBeLessThanOrEqual(2);
    expect(JSON.stringify(policies)).toContain('"except":["');
    const { ingress, egress } = policies[0]?.spec ?? {};
    expect((ingress ?? []).length + (egress ?? []).length).toBeLessThanOrEqual(2);
  }, 120_000);
});
