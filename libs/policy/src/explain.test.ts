import { clusterOf } from "./cluster.ts";
import type { Cluster, ClusterPod } from "./cluster.ts";
import { explain } from "./explain.ts";
import { readManifests } from "./manifests.ts";
import type { Policy } from "./network-policy.ts";
import type { Party, Question } from "./traffic.ts";

const pods = `
apiVersion: v1
kind: List
items:
${[
  ["shop", "cart", "10.0.0.1"],
  ["shop", "database", "10.0.0.2"],
  ["other", "probe", "10.0.0.3"],
]
  .map(
    ([namespace, app, ip]) =>
      `- {apiVersion: v1, kind: Pod, metadata: {namespace: ${namespace}, name: ${app}-0, labels: {app: ${app}, pod-template-hash: h1}}, status: {podIP: ${ip}}}`,
  )
  .join("\n")}
`;
const closed = (namespace: string, app: string, types: string): string => `---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {namespace: ${namespace}, name: ${app}}
spec: {podSelector: {matchLabels: {app: ${app}}}, policyTypes: [${types}]}
`;

const cluster: Cluster = clusterOf(readManifests(pods, "pods.yaml"));
const pod = (name: string): ClusterPod => {
  const found = cluster.pods.find((one) => one.name === `${name}-0`);
  if (found === undefined) throw new Error(`no pod ${name}`);
  return found;
};
const policiesOf = (text: string): Policy[] => readManifests(text, "p.yaml").policies;
const ask = (from: Party, to: Party, more: Partial<Question> = {}): Question => ({
  from,
  to,
  port: 5432,
  protocol: "TCP",
  ...more,
});

describe("explain", () => {
  it("says that nobody isolates the ends", () => {
    const found = explain(cluster, [], ask({ pod: pod("cart") }, { pod: pod("database") }));
    expect(found).toMatchObject({
      from: "shop/cart-0",
      to: "shop/database-0",
      verdict: "allowed",
      egress: { reason: "not-isolated", isolating: [] },
      edits: [],
    });
  });

  it("offers the rule that a denial lacks, with labels that stay", () => {
    const policies = policiesOf(closed("shop", "database", "Ingress"));
    const question = ask({ pod: pod("cart") }, { pod: pod("database") });
    const found = explain(cluster, policies, question);
    expect(found.verdict).toBe("denied");
    expect(found.ingress).toEqual({
      verdict: "denied",
      reason: "default-deny",
      rules: [],
      isolating: ["shop/database"],
    });
    expect(found.edits).toHaveLength(1);
    expect(found.edits[0]).toMatchObject({ side: "ingress", policy: "shop/database" });
    expect(found.edits[0]?.rule).not.toContain("pod-template-hash");
    const after = explain(cluster, policiesOf(found.edits[0]?.text ?? ""), question);
    expect(after).toMatchObject({
      verdict: "allowed",
      ingress: { rules: ["shop/database ingress[0]"] },
    });
  });

  it("offers an edit for both sides, with the namespace of a stranger, and lets in nobody else", () => {
    const policies = policiesOf(
      closed("shop", "database", "Ingress") + closed("other", "probe", "Egress"),
    );
    const question = ask({ pod: pod("probe") }, { pod: pod("database") });
    const { edits } = explain(cluster, policies, question);
    expect(edits.map((edit) => [edit.side, edit.policy])).toEqual([
      ["egress", "other/probe"],
      ["ingress", "shop/database"],
    ]);
    const edited = policiesOf(edits.map((edit) => edit.text).join("---\n"));
    const verdict = (asked: Question): string => explain(cluster, edited, asked).verdict;
    expect(verdict(question)).toBe("allowed");
    expect(verdict({ ...question, port: 22 })).toBe("denied");
    expect(verdict(ask({ pod: pod("cart") }, { pod: pod("database") }))).toBe("denied");
  });

  it("names an address where there is no pod, and no port for ICMP", () => {
    const policies = policiesOf(closed("shop", "cart", "Egress"));
    const question = ask(
      { pod: pod("cart") },
      { address: "192.0.2.9" },
      { port: 0, protocol: "ICMP" },
    );
    const { edits } = explain(cluster, policies, question);
    expect(edits[0]?.rule).toContain("cidr: 192.0.2.9/32");
    expect(edits[0]?.rule).not.toContain("ports");
  });
});
