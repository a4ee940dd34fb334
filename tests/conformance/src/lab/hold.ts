/**
 * Holds the kernel to what is expected: really connects, and reads what the kernels say they denied.
 *
 * A denied probe costs its whole time, so the time is short, and a probe that was expected to get
 * through and did not is tried once more with a long one. That hides no wrong verdict: an answer is
 * proof that the packets passed, so what is denied stays denied however often it is tried; and what
 * passed though it was to be denied fails at once, without another try. The other way round, an answer
 * that came too late must not pass for a denial: each expected denial needs the denied packet that a
 * kernel reported, and at the side that is to deny it.
 */
import { labProbe } from "@weir/lab";
import type { ProbeLine } from "@weir/lab";
import type { Denial } from "./recorder.ts";
import type { LabBed } from "./bed.ts";

/** Answers come within a few milliseconds unless the machine is busy. */
const firstTimeoutMs = 250;
const secondTimeoutMs = 5_000;
/** How long a denial may take from the kernel to the bus: a ring, a block, a queue. */
const denialWaitMs = 5_000;
/** Beyond it nothing is tried again: something is broken, not late. */
const wrongMax = 20;
/** A tick of the kernel, and what a clock that is read every ten seconds may be wrong by. */
const clockSlackUs = 12_000;

export interface Expected {
  from: string;
  to: string;
  port: number;
  protocol: "TCP" | "UDP";
  /** The first side that denies; "any" where the data does not say which; undefined: allowed. */
  denied: "egress" | "ingress" | "any" | undefined;
}

export interface Outcome {
  judged: number;
  denied: number;
  /** Allowed at the second try only. */
  late: number;
  wrong: string[];
}

/** Probes everything that is expected, over one family if told so. */
export async function hold(
  bed: LabBed,
  expected: readonly Expected[],
  addressOf: (pod: string, family: 4 | 6 | undefined) => string | undefined,
  family?: 4 | 6,
): Promise<Outcome> {
  const began = Date.now() * 1000 - clockSlackUs;
  const ports = [
    ...new Map(
      expected.map(({ port, protocol }) => [`${protocol}/${port}`, { port, protocol }]),
    ).values(),
  ];
  const at = { ...bed.at, ...(family === undefined ? {} : { family }) };
  const { lines } = await labProbe({ ...at, ports, timeoutMs: firstTimeoutMs });
  const answers = new Map(lines.map((line) => [keyOf(line), line]));
  const outcome: Outcome = { judged: 0, denied: 0, late: 0, wrong: [] };
  const denials: Expected[] = [];
  for (const one of expected) {
    outcome.judged += 1;
    let answer = answers.get(keyOf(one));
    if (one.denied !== undefined) denials.push(one);
    if (
      one.denied === undefined &&
      answer?.verdict === "denied" &&
      outcome.wrong.length < wrongMax
    ) {
      const { from, to, port, protocol } = one;
      const again = await labProbe({
        ...at,
        from,
        to,
        ports: [{ port, protocol }],
        timeoutMs: secondTimeoutMs,
      });
      answer = again.lines[0];
      if (answer?.verdict === "allowed") outcome.late += 1;
    }
    const wanted = one.denied === undefined ? "allowed" : "denied";
    if (answer?.verdict !== wanted)
      outcome.wrong.push(
        `${keyOf(one)} is ${answer?.verdict ?? "not probed"} (${answer?.answer}), not ${wanted}`,
      );
  }
  outcome.denied = denials.length;
  const told = (): Map<string, Denial[]> =>
    Map.groupBy(
      bed.recorder.since(began),
      (one) => `${one.from} ${one.to} ${one.protocol}/${one.port}`,
    );
  const addressKey = ({ from, to, port, protocol }: Expected): string =>
    `${addressOf(from, family)} ${addressOf(to, family)} ${protocol}/${port}`;
  const complaints = (): string[] => {
    const all = told();
    return expected.flatMap((one) => complaintAbout(one, all.get(addressKey(one)) ?? []));
  };
  const deadline = Date.now() + denialWaitMs;
  while (complaints().length > 0 && Date.now() < deadline)
    await new Promise((resolve) => setTimeout(resolve, 20));
  outcome.wrong.push(...complaints());
  return outcome;
}

/** What the kernels told of a connection against what was to be told. */
function complaintAbout(one: Expected, denials: readonly Denial[]): string[] {
  const sides = [...new Set(denials.map((denial) => denial.side))].sort();
  const wanted = one.denied === undefined ? "" : one.denied === "any" ? sides[0] : one.denied;
  if (wanted !== undefined && sides.join() === wanted) return [];
  return [`${keyOf(one)}: denied at ${sides.join(" and ") || "no"} side, not ${wanted || "none"}`];
}

export function keyOf({
  from,
  to,
  port,
  protocol,
}: Pick<ProbeLine, "from" | "to" | "port" | "protocol">): string {
  return `${from} -> ${to} ${protocol}/${port}`;
}
