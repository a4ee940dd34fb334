import type { PortProtocol } from "@weir/policy";
import type { CyclonusCase, ListedPod, UpstreamCase } from "./data.ts";
import { State } from "./state.ts";
import type { Pair } from "./verdicts.ts";

const protocols = ["TCP", "UDP", "SCTP"] as const;

/** A pod of the upstream cases; the data names its address only. */
export function listedPod(key: string, ips: Record<string, string>): ListedPod {
  const [namespace, name] = key.split("/") as [string, string];
  const ports = [80, 81].flatMap((port) =>
    protocols.map((protocol) => ({
      name: `serve-${port}-${protocol.toLowerCase()}`,
      port,
      protocol,
    })),
  );
  return { namespace, name, labels: { pod: name }, ip: ips[key] ?? "", ports };
}

/** The cluster of an upstream case before its first step. */
export function upstreamState(pods: readonly string[], ips: Record<string, string>): State {
  const namespaces = [...new Set(pods.map((key) => key.split("/")[0] as string))];
  return new State(
    Object.fromEntries(namespaces.map((name) => [name, { "kubernetes.io/metadata.name": name }])),
    pods.map((key) => listedPod(key, ips)),
  );
}

/** Verdicts of an upstream step; a pod's talk to itself is not judged by the data. */
export function* upstreamPairs({
  expected,
  port,
  protocol,
}: UpstreamCase["steps"][number]): Generator<Pair & { verdict: string }> {
  for (const [from, row] of Object.entries(expected)) {
    for (const [to, allowed] of Object.entries(row)) {
      if (from !== to) yield { from, to, port, protocol, verdict: allowed ? "allowed" : "blocked" };
    }
  }
}

/** Verdicts of a cyclonus step: `allowed`, or `blocked:` and the sides that deny. */
export function* cyclonusPairs({
  expected,
}: CyclonusCase["steps"][number]): Generator<Pair & { verdict: string }> {
  for (const [from, row] of Object.entries(expected)) {
    for (const [to, cell] of Object.entries(row)) {
      for (const [key, verdict] of Object.entries(cell)) {
        const [protocol, port] = key.split("/") as [PortProtocol, string];
        yield { from, to, port: Number(port), protocol, verdict };
      }
    }
  }
}

/** Applies a cyclonus step's actions; a created pod's ports are only listed with the step. */
export function applyCyclonusStep(state: State, step: CyclonusCase["steps"][number]): void {
  for (const action of step.actions ?? []) state.apply(action);
  for (const pod of step.pods) {
    const key = `${pod.namespace}/${pod.name}`;
    if (JSON.stringify(state.pods.get(key)?.labels) !== JSON.stringify(pod.labels))
      throw new Error(`${key} has other labels than the step lists`);
    state.pods.set(key, pod);
  }
}
