import type { PortProtocol } from "@weir/policy";
import { loadCyclonus, loadUpstream } from "./data.ts";
import type { Action } from "./data.ts";
import { applyCyclonusStep, cyclonusPairs, upstreamPairs, upstreamState } from "./expected.ts";
import type { Expected } from "./lab/hold.ts";
import { State } from "./state.ts";
import type { Pair } from "./verdicts.ts";

/** A case of either source, as the lab goes through it. */
export interface KernelCase {
  id: string;
  title: string;
  actions: Action[];
  /** The cluster before the first step. */
  begin(): State;
  steps: { apply(state: State): void; expected(): Expected[] }[];
}

/** All cases of the data that is there; both sources have the same nine pods. */
export function kernelCases(): { upstream: KernelCase[]; cyclonus: KernelCase[] } {
  return { upstream: upstreamCases(), cyclonus: cyclonusCases() };
}

function upstreamCases(): KernelCase[] {
  const data = loadUpstream();
  return (data?.cases ?? []).map((one) => ({
    id: one.id,
    title: one.title,
    actions: one.steps.flatMap((step) => step.actions ?? []),
    // All pods are there in every case; those that a case does not list are nobody's peers in it.
    begin: () => upstreamState(Object.keys(data?.ips ?? {}), data?.ips ?? {}),
    steps: one.steps.map((step) => ({
      apply(state: State) {
        for (const action of step.actions ?? []) state.apply(action);
      },
      expected: () => [...upstreamPairs(step)].flatMap(expectedOf),
    })),
  }));
}

function cyclonusCases(): KernelCase[] {
  const data = loadCyclonus();
  return (data?.cases ?? []).map((one) => ({
    id: one.id,
    title: one.description,
    actions: one.steps.flatMap((step) => step.actions ?? []),
    begin: () => new State(data?.initialNamespaces ?? {}, data?.initialPods ?? []),
    steps: one.steps.map((step) => ({
      apply: (state: State) => applyCyclonusStep(state, step),
      expected: () => [...cyclonusPairs(step)].flatMap(expectedOf),
    })),
  }));
}

/** No kernel here has SCTP sockets to send with: those verdicts are the evaluator's and the compiler's. */
function expectedOf({ verdict, protocol, ...pair }: Pair & { verdict: string }): Expected[] {
  if (!hasSockets(protocol)) return [];
  return [{ ...pair, protocol, denied: firstDenial(verdict) }];
}

function hasSockets(protocol: PortProtocol): protocol is "TCP" | "UDP" {
  return protocol !== "SCTP";
}

/** Of two sides that deny, the source's comes first: the destination's never sees the packet. */
function firstDenial(verdict: string): Expected["denied"] {
  if (verdict === "allowed") return undefined;
  if (verdict === "blocked") return "any";
  if (verdict === "blocked:e" || verdict === "blocked:ei") return "egress";
  if (verdict === "blocked:i") return "ingress";
  throw new Error(`a verdict nobody knows: ${verdict}`);
}
