import type { PolicySet } from "@weir/codec";
import { parseAddress } from "@weir/codec";

export const openPort = 7200;
export const shutPort = 7201;
const tcp = 6;

/** A pod, as far as its policy is concerned. */
export interface PolicyPod {
  name: string;
  v4: string;
  v6: string;
}

/** The first pod may reach the second at `openPort`, and nothing else may be reached there. */
export function serverPolicy(pods: PolicyPod[], more: Partial<PolicySet> = {}): PolicySet {
  const [client, server] = pods as [PolicyPod, PolicyPod];
  const identityOf = (pod: PolicyPod, identity: number) =>
    [pod.v4, pod.v6].map((text) => ({ addr: parseAddress(text), prefix_bits: 128, identity }));
  return {
    generation: 1,
    revision: more.generation ?? 1,
    mode: "enforce",
    created: Date.now() * 1000,
    documents: [],
    identities: [...identityOf(client, 16), ...identityOf(server, 17)],
    endpoints: [
      { namespace: "bed", pod: client.name, uid: "", ingress_rule_set: 0, egress_rule_set: 0 },
      { namespace: "bed", pod: server.name, uid: "", ingress_rule_set: 900, egress_rule_set: 0 },
    ],
    entries: [
      { rule_set: 900, identity: 16, prefix_bits: 88, protocol: tcp, port: openPort, rule: 40 },
    ],
    rules: [
      { rule: 40, text: "bed/server ingress[0]" },
      { rule: 900, text: "default-deny ingress (bed/pod-2)" },
    ],
    ...more,
  };
}

/** The same in one of three spellings: who mixed two would find no rule, or no rule set. */
export function spelledPolicy(pods: PolicyPod[], generation: number): PolicySet {
  const set = serverPolicy(pods, { generation });
  const shift = generation % 3;
  const shifted = { rule_set: 900 + shift, identity: 16 + 10 * shift, rule: 40 + shift };
  return {
    ...set,
    identities: set.identities.map((one) => ({ ...one, identity: one.identity + 10 * shift })),
    entries: set.entries.map((one) => ({ ...one, ...shifted })),
    endpoints: set.endpoints.map((one) =>
      one.ingress_rule_set === 0 ? one : { ...one, ingress_rule_set: 900 + shift },
    ),
  };
}
