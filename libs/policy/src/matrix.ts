import type { Cluster } from "./cluster.ts";
import { podKey } from "./cluster.ts";
import { Judge } from "./judge.ts";
import type { Policy } from "./network-policy.ts";
import type { Protocol } from "./protocol.ts";

export interface MatrixPort {
  port: number;
  protocol: Protocol;
}

/** One line of `weir policy matrix -o json`. */
export interface MatrixLine {
  /** `namespace/pod` */
  from: string;
  to: string;
  port: number;
  protocol: Protocol;
  verdict: "allowed" | "denied";
  egress: "allowed" | "denied";
  ingress: "allowed" | "denied";
}

/** The verdict of every ordered pair of pods (a pod with itself too) on every port, one at a time. */
export function* matrix(
  cluster: Cluster,
  policies: readonly Policy[],
  ports: readonly MatrixPort[],
): Generator<MatrixLine> {
  const judge = new Judge(cluster, policies);
  for (const from of cluster.pods) {
    for (const to of cluster.pods) {
      for (const { port, protocol } of ports) {
        const { verdict, egress, ingress } = judge.judge({
          from: { pod: from },
          to: { pod: to },
          port,
          protocol,
        });
        yield {
          from: podKey(from),
          to: podKey(to),
          port,
          protocol,
          verdict,
          egress: egress.verdict,
          ingress: ingress.verdict,
        };
      }
    }
  }
}
