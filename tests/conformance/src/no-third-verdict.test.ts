/**
 * Random edits of a random world under probers that never stop: nothing gets through that no state
 * which could be in force lets through, and nothing is lost that all of them let through.
 */
import { existsSync, writeFileSync } from "node:fs";
import { labExec } from "@weir/lab";
import { podKey } from "@weir/policy";
import { Choices, freshSeed } from "../../../libs/policy/src/testing/choices.ts";
import { makeLabels, makeWorld } from "../../../libs/policy/src/testing/world.ts";
import { until } from "./lab/bed.ts";
import type { LabBed } from "./lab/bed.ts";
import type { ProberOrder, ProberReport, Stream } from "./lab/prober.ts";
import { fateOf, statesAt } from "./lab/two-states.ts";
import type { Reign, Sides } from "./lab/two-states.ts";
import {
  addressOf,
  makeDescription,
  makeLabWorld,
  pairsOf,
  stand,
  worldLab,
  worldPorts,
} from "./lab/world-lab.ts";
import type { LabWorld, StandingWorld } from "./lab/world-lab.ts";
import { isFull } from "./run-size.ts";

const edits = isFull ? 200 : 20;
const pairs = 14;
const prober = new URL("lab/prober.ts", import.meta.url).pathname;
const pauseMs = 250;
const longestMs = isFull ? 300_000 : 60_000;

interface Watched {
  from: string;
  to: string;
  port: number;
  protocol: "TCP" | "UDP";
  family: 4 | 6;
  isOneNode: boolean;
  streams: Stream[];
}

describe("while policy changes", () => {
  const seed = freshSeed();
  const choices = Choices.random(seed);
  let bed: LabBed;
  beforeAll(async () => {
    // Its own workload is out of the way: the probers listen on the ports that rules are about.
    bed = await worldLab("ts", [9]);
  }, 60_000);
  afterAll(() => bed?.down(), 60_000);

  it(`no packet gets a verdict that no state gives, over ${edits} edits`, async () => {
    let world = makeLabWorld(choices, bed.pods());
    let standing = await stand(bed, world);
    const watched = choose(choices, standing);
    const signs = bed.manifest("");
    const running = startProbers(bed, watched, signs);
    await Promise.race([running, until("all listen", () => areReady(watched, signs))]);
    writeFileSync(`${signs}.start`, "");
    const reigns: Reign[] = [{ fromMs: 0, untilMs: Infinity }];
    const sides: Sides[][] = [watched.map((one) => sidesOf(one, standing))];
    for (let edit = 0; edit < edits; edit += 1) {
      world = edited(choices, world);
      const fromMs = Date.now();
      standing = await stand(bed, world);
      (reigns.at(-1) as Reign).untilMs = Date.now() + 1;
      reigns.push({ fromMs, untilMs: Infinity });
      sides.push(watched.map((one) => sidesOf(one, standing)));
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
    writeFileSync(`${signs}.stop`, "");
    const reports = await running;
    const outcome = judgeAll(watched, reports, reigns, sides);
    process.stderr.write(
      `no third verdict: ${edits} edits from seed ${seed} (WEIR_SEED repeats them), ${outcome.sent} packets and connections, ` +
        `${outcome.arrived} got through, ${outcome.must} had to, ${outcome.mayNot} were not to, ${outcome.between} met a change\n`,
    );
    if (outcome.wrong.length > 0)
      throw new Error(`repeat with WEIR_SEED=${seed}\n${outcome.wrong.slice(0, 20).join("\n")}`);
    expect(outcome.must).toBeGreaterThan(0);
    expect(outcome.between).toBeGreaterThan(0);
  }, 600_000);
});

/** One change: of a policy, of a pod or of a namespace. */
function edited(choices: Choices, world: LabWorld): LabWorld {
  switch (choices.below(4)) {
    case 0: {
      const key = choices.pick(Object.keys(world.pods));
      return { ...world, pods: { ...world.pods, [key]: makeDescription(choices) } };
    }
    case 1: {
      const name = choices.pick(Object.keys(world.namespaces));
      return { ...world, namespaces: { ...world.namespaces, [name]: makeLabels(choices) } };
    }
    case 2:
      return world.policies.length > 2
        ? { ...world, policies: world.policies.slice(1) }
        : edited(choices, world);
    default: {
      const fresh = makeWorld(choices).policies.slice(0, 1);
      const names = new Set(fresh.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`));
      const others = world.policies.filter(
        ({ metadata }) => !names.has(`${metadata.namespace}/${metadata.name}`),
      );
      return { ...world, policies: [...others, ...fresh] };
    }
  }
}

function choose(choices: Choices, standing: StandingWorld): Watched[] {
  return Array.from({ length: pairs }, (_, index): Watched => {
    const family = choices.pick([4, 6] as const);
    const all = [...pairsOf(standing.cluster, family)].filter(
      ({ keys: [from, to] }) => from !== to && !/\/h\d$/.test(from) && !/\/h\d$/.test(to),
    );
    const pair = choices.pick(all);
    const [source, destination] = [pair.from, pair.to].map((party) =>
      "pod" in party ? party.pod : undefined,
    );
    const protocol = index % 3 === 2 ? "TCP" : "UDP";
    const port = choices.pick(worldPorts);
    const address = (destination && addressOf(destination, family)) ?? "";
    const kinds = protocol === "TCP" ? (["tcp"] as const) : (["kept", "fresh"] as const);
    return {
      ...{ from: pair.keys[0], to: pair.keys[1], port, protocol, family },
      isOneNode: source?.node === destination?.node,
      streams: kinds.map((kind, at) => ({
        ...{ id: index * 2 + at, address, port, kind },
        intervalMs: kind === "tcp" ? 100 : 20,
      })),
    };
  });
}

function sidesOf(one: Watched, standing: StandingWorld): Sides {
  const pod = (key: string) => standing.cluster.pods.find((each) => podKey(each) === key);
  const [from, to] = [pod(one.from), pod(one.to)];
  if (from === undefined || to === undefined) throw new Error(`no ${one.from} or ${one.to}`);
  const { port, protocol, family } = one;
  const verdict = standing.judge.judge({
    from: { pod: from },
    to: { pod: to },
    port,
    protocol,
    family,
  });
  return {
    egress: verdict.egress.verdict === "allowed",
    ingress: verdict.ingress.verdict === "allowed",
  };
}

function podsOf(watched: Watched[]): string[] {
  return [...new Set(watched.flatMap(({ from, to }) => [from, to]))];
}

const readyFile = (signs: string, pod: string): string => `${signs}.${pod.replace("/", "_")}`;

function areReady(watched: Watched[], signs: string): boolean {
  return podsOf(watched).every((pod) => existsSync(readyFile(signs, pod)));
}

async function startProbers(
  bed: LabBed,
  watched: Watched[],
  signs: string,
): Promise<ProberReport[]> {
  const [startFile, stopFile] = [`${signs}.start`, `${signs}.stop`];
  return Promise.all(
    podsOf(watched).map(async (pod) => {
      const streams = watched.filter(({ from }) => from === pod).flatMap((one) => one.streams);
      const files = { readyFile: readyFile(signs, pod), startFile, stopFile };
      const order: ProberOrder = { listen: worldPorts, streams, longestMs, ...files };
      const command = [process.execPath, "--disable-warning=ExperimentalWarning", prober];
      const input = JSON.stringify(order);
      const { code, stdout, stderr } = await labExec({ ...bed.at, pod, command, input });
      if (code !== 0) throw new Error(`the prober of ${pod}: ${stderr}`);
      return JSON.parse(stdout) as ProberReport;
    }),
  );
}

function judgeAll(watched: Watched[], reports: ProberReport[], reigns: Reign[], sides: Sides[][]) {
  const arrived = new Set(
    reports.flatMap((one) => one.arrived.map(([stream, number]) => `${stream} ${number}`)),
  );
  const byStream = new Map(
    watched.flatMap((one, index) =>
      one.streams.map((stream) => [stream.id, { one, index, stream }] as const),
    ),
  );
  const outcome = { sent: 0, arrived: 0, must: 0, mayNot: 0, between: 0, wrong: [] as string[] };
  for (const [id, number, fromMs, untilMs] of reports.flatMap((one) => one.sent)) {
    const known = byStream.get(id);
    if (known === undefined) throw new Error(`nobody sends stream ${id}`);
    const { one, index, stream } = known;
    const states = statesAt(reigns, fromMs, untilMs);
    const { may, must } = fateOf(
      states.map((state) => sides[state]?.[index] as Sides),
      one.isOneNode,
    );
    const came = arrived.has(`${id} ${number}`);
    outcome.sent += 1;
    outcome.arrived += came ? 1 : 0;
    outcome.must += must ? 1 : 0;
    outcome.mayNot += may ? 0 : 1;
    outcome.between += states.length > 1 ? 1 : 0;
    // A connection that comes too late for its time-out says nothing of verdicts.
    const isLost = must && !came && stream.kind !== "tcp";
    if ((came && !may) || isLost)
      outcome.wrong.push(
        `${one.from} -> ${one.to} ${one.protocol}/${one.port} (${stream.kind}, ${one.isOneNode ? "one node" : "two nodes"}) ` +
          `number ${number} in states ${states.join()}: ${came ? "got through" : "was lost"}`,
      );
  }
  return outcome;
}
