import type { PolicyEndpoint, PolicyWriter } from "@weir/collector";
import { FaultyMaps, crampedMaps } from "./faulty-maps.ts";
import { PolicyBed, endpoints, expectedDump, expectedVerdict, questionsOf } from "./policy-bed.ts";
import type { Question } from "./policy-bed.ts";
import { PolicyWorld } from "./policy-world.ts";

const seed = Number(process.env["WEIR_SEED"] ?? Date.now() % 1_000_000);
const mostOperations = 400;

const smallWorld = (): PolicyWorld => new PolicyWorld({ seed, pods: 5, policies: 3 });

/** What is done while one operation fails, on a writer that may have to be made for it. */
interface Scenario {
  name: string;
  /** Brings the kernel to where the scenario begins; without faults. */
  before(attempt: Attempt): Promise<void>;
  run(attempt: Attempt): Promise<void>;
}

interface Attempt {
  maps: FaultyMaps;
  /** That the maps are to hold in the end. */
  interfaces: PolicyEndpoint[];
  world: PolicyWorld;
  writer: PolicyWriter;
  /** Failures before the one that is tried. */
  counted: number;
  /** A writer as the next process has it. */
  restart(): void;
}

async function settle({ writer }: Pick<Attempt, "writer">): Promise<void> {
  await writer.settle();
  await writer.caughtUp();
}

async function begin(attempt: Attempt): Promise<void> {
  attempt.writer.replace(attempt.world.set());
  await settle(attempt);
}

const scenarios: Scenario[] = [
  {
    name: "the first write",
    async before({ maps }) {
      maps.isEmpty = true;
    },
    async run(attempt) {
      attempt.writer.replace(attempt.world.set());
      await settle(attempt);
    },
  },
  {
    name: "a change and in catching up",
    before: begin,
    async run(attempt) {
      attempt.writer.edit(attempt.world.edit());
      await settle(attempt);
    },
  },
  {
    name: "a repair",
    async before(attempt) {
      await begin(attempt);
      const { maps, writer, world } = attempt;
      // Once with all of it written, once half way.
      for (const what of ["write the epoch", "write rules"]) {
        maps.failAt(what);
        writer.edit(world.edit());
        await writer.settle().catch(() => {});
      }
      maps.failAt(Infinity);
    },
    async run(attempt) {
      attempt.writer.edit(attempt.world.edit());
      await settle(attempt);
    },
  },
  {
    name: "an interface that comes",
    before: begin,
    async run({ writer, interfaces }) {
      interfaces.push({ ifindex: 77, namespace: "red", pod: "p2" });
      writer.add(interfaces.at(-1) as PolicyEndpoint);
      await writer.caughtUp();
    },
  },
  {
    name: "an interface that goes",
    before: begin,
    async run({ writer, interfaces }) {
      const [gone] = interfaces.splice(1, 1);
      writer.remove(gone?.ifindex as number);
      await writer.caughtUp();
    },
  },
  {
    name: "taking over",
    before: begin,
    async run(attempt) {
      attempt.restart();
      // The next process is told the newest policy only.
      attempt.world.edit();
      attempt.writer.replace(attempt.world.set());
      await settle(attempt);
    },
  },
];

describe(`any operation on the maps that fails (WEIR_SEED=${seed})`, () => {
  let bed: PolicyBed;
  let questions: Question[];

  beforeAll(() => {
    bed = new PolicyBed();
    const { compiled } = smallWorld();
    const [allowed, denied] = [true, false].map((verdict) =>
      questionsOf(smallWorld()).filter((one) => expectedVerdict(compiled, one) === verdict),
    ) as [Question[], Question[]];
    questions = [...allowed.slice(0, 12), ...denied.slice(0, 12)];
  }, 30_000);
  afterAll(() => bed[Symbol.dispose]());

  const verdicts = (): boolean[] => questions.map((one) => bed.isAllowed(one));
  const revision = (): number => bed.maps.state(bed.maps.epoch() & 1)?.revision ?? 0;

  function start(): Attempt {
    bed.observe();
    bed.troubles.length = 0;
    const maps = new FaultyMaps(bed.maps);
    const attempt: Attempt = {
      maps,
      interfaces: [...endpoints],
      world: smallWorld(),
      writer: bed.writer(maps),
      counted: 0,
      restart() {
        attempt.writer.close();
        attempt.counted = 0;
        attempt.writer = bed.writer(maps);
      },
    };
    return attempt;
  }

  /** With the operation that failed; undefined when there were fewer. */
  async function failOnce(scenario: Scenario, number: number): Promise<string | undefined> {
    const attempt = start();
    await scenario.before(attempt);
    const before = { revision: revision(), verdicts: verdicts() };
    attempt.counted = attempt.writer.counters.failures;
    attempt.maps.failAt(number);
    const error: unknown = await scenario.run(attempt).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    const failed = attempt.maps.done[number - 1];
    attempt.maps.failAt(Infinity);
    await checkOutcome(attempt, before, error, failed);
    attempt.writer.close();
    return failed;
  }

  async function checkOutcome(
    attempt: Attempt,
    before: { revision: number; verdicts: boolean[] },
    error: unknown,
    failed: string | undefined,
  ): Promise<void> {
    const { writer, world } = attempt;
    const after = { revision: revision(), verdicts: verdicts() };
    const { failures, catchUpFailures, interfaceFailures } = writer.counters;
    const counted = failures + catchUpFailures + interfaceFailures;
    if (failed !== undefined) {
      // Somebody is told, and it is counted.
      const isTold = error !== undefined || bed.troubles.length > 0;
      expect([failed, isTold, counted > attempt.counted]).toEqual([failed, true, true]);
    }
    if (error !== undefined) expect([failed, after]).toEqual([failed, before]);
    else if (after.revision === before.revision) expect(after.verdicts).toEqual(before.verdicts);
    // The next good change brings all of it.
    writer.edit(world.edit());
    await settle(attempt);
    const expected = expectedDump(world.compiled, [], attempt.interfaces);
    expect([failed, bed.dump(0), bed.dump(1)]).toEqual([failed, expected, expected]);
    expect(revision()).toBe(world.revision);
  }

  it.each(scenarios)(
    "in $name leaves the verdicts of the policy before, and is made up for",
    async (scenario) => {
      const failed: string[] = [];
      for (let number = 1; number < mostOperations; number++) {
        const what = await failOnce(scenario, number);
        if (what === undefined) break;
        failed.push(what);
      }
      expect(failed.length).toBeGreaterThan(0);
      expect(failed.length).toBeLessThan(mostOperations - 1);
    },
    60_000,
  );

  /** With the operation at which the process ended; undefined when there were fewer. */
  async function dieOnce(scenario: Scenario, number: number): Promise<string | undefined> {
    const attempt = start();
    await scenario.before(attempt);
    const before = { revision: revision(), verdicts: verdicts() };
    attempt.maps.dieAt(number);
    await scenario.run(attempt).catch(() => {});
    const last = attempt.maps.done[number - 1];
    const left = { revision: revision(), verdicts: verdicts() };
    const { world } = attempt;
    attempt.maps.dieAt(Infinity);
    attempt.maps.isEmpty = false;
    attempt.writer.close();
    const next = bed.writer();
    for (const one of attempt.interfaces) next.add(one);
    next.replace(world.set());
    await settle({ writer: next });
    const expected = expectedDump(world.compiled, [], attempt.interfaces);
    expect([last, bed.dump(0), bed.dump(1)]).toEqual([last, expected, expected]);
    // What was in force after the end was all of one policy.
    const after = { revision: revision(), verdicts: verdicts() };
    expect([last, [before, after]]).toEqual([last, expect.arrayContaining([left])]);
    next.close();
    return last;
  }

  it.each(scenarios.filter((one) => !one.name.includes("interface")))(
    "in $name may be the process' last one",
    async (scenario) => {
      let number = 1;
      while (number < mostOperations && (await dieOnce(scenario, number)) !== undefined) number++;
      expect(number).toBeGreaterThan(5);
      expect(number).toBeLessThan(mostOperations);
    },
    60_000,
  );

  it("leaves the policy before in force when a map is really full", async () => {
    bed.forget();
    const attempt = start();
    const { rules } = expectedDump(attempt.world.compiled);
    const cramped = crampedMaps(bed.maps, rules.size);
    const writer = bed.writer(cramped.maps);
    writer.replace(attempt.world.set());
    await settle({ writer });
    const before = { revision: revision(), verdicts: verdicts() };
    const larger = new PolicyWorld({ seed, pods: 20, policies: 20 });
    writer.replace({ ...larger.set(), revision: 2 });
    await expect(writer.settle()).rejects.toThrow(/ENOSPC/);
    expect({ revision: revision(), verdicts: verdicts() }).toEqual(before);
    expect(writer.counters.failures).toBe(1);
    cramped.admit();
    await settle({ writer });
    const expected = expectedDump(larger.compiled);
    expect([bed.dump(0), bed.dump(1)]).toEqual([expected, expected]);
    writer.close();
    attempt.writer.close();
  });

  it("refuses a policy that is larger than the configuration allows", async () => {
    const attempt = start();
    await begin(attempt);
    const before = { revision: revision(), verdicts: verdicts() };
    attempt.writer.close();
    const { rules } = expectedDump(attempt.world.compiled);
    const writer = bed.writer(bed.maps, { rules: rules.size - 1 });
    writer.replace({ ...attempt.world.set(), revision: 2 });
    await expect(writer.settle()).rejects.toThrow(
      `the policy has ${rules.size} rules, and this node takes ${rules.size - 1}`,
    );
    expect({ revision: revision(), verdicts: verdicts() }).toEqual(before);
    writer.close();
  });

  it("is looked for with questions that some are allowed and some denied", async () => {
    const attempt = start();
    await begin(attempt);
    expect(new Set(verdicts()).size).toBe(2);
    attempt.writer.close();
  });
});
