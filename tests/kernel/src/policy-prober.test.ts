import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { parseAddress } from "@weir/codec";
import type { PolicyMaps, PolicyWriter } from "@weir/collector";
import { NodeMaps, addressFromBytes } from "@weir/policy";
import { PolicyBed, packetOf, questionsOf } from "./policy-bed.ts";
import type { Question } from "./policy-bed.ts";
import { protocol } from "./frame.ts";
import { PolicyWorld } from "./policy-world.ts";
import type { ProberTask } from "./prober.ts";

const seed = Number(process.env["WEIR_SEED"] ?? Date.now() % 1_000_000);
const edits = Number(process.env["WEIR_EDITS"] ?? 200);
const questionCount = 60;

/** A state of the policy, and when a packet may have been judged by it. */
interface Era {
  verdicts: boolean[];
  fromNs: number;
  untilNs: number;
}

/** Packets that were judged as neither state they may have met says. */
interface Finding {
  question: Question;
  isAllowed: boolean;
}

const now = (): number => Number(process.hrtime.bigint());

function verdictsOf(world: PolicyWorld, questions: Question[], nodeAddresses: string[]): boolean[] {
  const maps = new NodeMaps(world.compiled, nodeAddresses);
  return questions.map(({ side, address, port, protocol: name }) => {
    const remote = addressFromBytes(parseAddress(address));
    return maps.judge(side, "red/p0", remote, protocol[name], port).verdict === "allowed";
  });
}

describe(`a prober that never stops (WEIR_SEED=${seed})`, () => {
  let bed: PolicyBed;
  beforeAll(() => (bed = new PolicyBed()), 30_000);
  afterAll(() => bed[Symbol.dispose]());

  /** Makes `count` edits under the prober's eyes. */
  async function run(
    maps: PolicyMaps,
    count: number,
  ): Promise<{ findings: Finding[]; probes: number; eras: Era[]; writer: PolicyWriter }> {
    bed.forget();
    const world = new PolicyWorld({ seed });
    const questions = questionsOf(world, questionCount);
    const writer = bed.writer(maps);
    const eras: Era[] = [];
    const seen: Float64Array[] = [];
    let nodeAddresses: string[] = [];
    const settle = async (): Promise<void> => {
      const verdicts = verdictsOf(world, questions, nodeAddresses);
      const fromNs = now();
      await writer.settle();
      const last = eras.at(-1);
      if (last) last.untilNs = now();
      eras.push({ verdicts, fromNs, untilNs: Infinity });
    };
    writer.replace(world.set());
    await settle();
    const over = new Int32Array(new SharedArrayBuffer(4));
    const worker = startProber(questions, over, (found) => seen.push(found));
    for (let edit = 0; edit < count; edit++) {
      if (edit % 5 === 4) {
        nodeAddresses = edit % 2 === 0 ? [world.pick(world.addresses)] : [];
        writer.setNodeAddresses(nodeAddresses.map((one) => parseAddress(one)));
      }
      writer.edit(world.edit());
      await settle();
    }
    Atomics.store(over, 0, 1);
    await once(worker, "exit");
    await writer.caughtUp();
    writer.close();
    const findings = seen.flatMap((found) => judge(found, eras, questions));
    return { findings, probes: seen.length * questions.length, eras, writer };
  }

  function startProber(
    questions: Question[],
    over: ProberTask["over"],
    onSeen: (seen: Float64Array) => void,
  ): Worker {
    const { object } = bed.datapath;
    const task: ProberTask = {
      programs: {
        ingress: object.program("to_workload").id,
        egress: object.program("from_workload").id,
      },
      probes: questions.map((question) => ({
        side: question.side,
        packet: packetOf(question, 0),
        portAt: 14 + (question.address.includes(":") ? 40 : 20),
      })),
      ...{ over, pauseMs: 1 },
    };
    const worker = new Worker(new URL("prober.ts", import.meta.url), { workerData: task });
    worker.on("message", onSeen);
    return worker;
  }

  function judge(seen: Float64Array, eras: Era[], questions: Question[]): Finding[] {
    const findings: Finding[] = [];
    let first = 0;
    for (let at = 0; at < seen.length; at += 4) {
      const [index = 0, beforeNs = 0, afterNs = 0, verdict] = seen.subarray(at, at + 4);
      while ((eras[first]?.untilNs ?? Infinity) < beforeNs) first++;
      const isAllowed = verdict === 1;
      let isRight = false;
      for (let era = first; era < eras.length && !isRight; era++) {
        const { fromNs, verdicts } = eras[era] as Era;
        if (fromNs > afterNs) break;
        isRight = verdicts[index] === isAllowed;
      }
      if (!isRight) findings.push({ question: questions[index] as Question, isAllowed });
    }
    return findings;
  }

  it(
    `sees no verdict that neither the state before nor the one after gives, in ${edits} edits`,
    async () => {
      const { findings, probes, eras, writer } = await run(bed.maps, edits);
      expect(findings).toEqual([]);
      expect(bed.troubles).toEqual([]);
      expect(probes).toBeGreaterThan(edits * 10);
      expect(writer.counters.switches).toBeGreaterThan(edits / 2);
      const changed = eras.filter(
        (era, at) => String(era.verdicts) !== String(eras[at - 1]?.verdicts),
      );
      expect(changed.length).toBeGreaterThan(edits / 10);
      console.info(
        `${probes} probes, ${eras.length} states, ${changed.length} with other verdicts`,
      );
    },
    60_000 + edits * 200,
  );

  it("does see it when rules are written to the copy that is in use", async () => {
    const { maps } = bed;
    const mixed: PolicyMaps = {
      ...maps,
      open: (name, slot) => maps.open(name, name === "rules" ? 1 - slot : slot),
      renew: (name, slot, room) => maps.renew(name, name === "rules" ? 1 - slot : slot, room),
    };
    const { findings } = await run(mixed, 40);
    expect(findings.length).toBeGreaterThan(0);
  });
});
