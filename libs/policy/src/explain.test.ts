import { clusterOf } from "./cluster.ts";
import { explain } from "./explain.ts";
import type { Explanation } from "./explain.ts";
import { Judge } from "./judge.ts";
import { readManifests } from "./manifests.ts";
import { policyKey } from "./network-policy.ts";
import type { Protocol } from "./protocol.ts";
import { exampleCount, holdsForAll } from "./testing/choices.ts";
import { makeWorld, questionsOf } from "./testing/world.ts";
import type { Party } from "./traffic.ts";

const text = `
apiVersion: v1
kind: List
items:
  - {apiVersion: v1, kind: Pod, metadata: {name: web-0, namespace: shop, labels: {app: web}}, status: {podIP: 10.0.0.1}}
  - {apiVersion: v1, kind: Pod, metadata: {name: cart-0, namespace: shop, labels: {app: cart}}, status: {podIP: 10.0.0.2}}
  - {apiVersion: v1, kind: Pod, metadata: {name: spy-0, namespace: other, labels: {app: spy}}, status: {podIP: 10.0.0.3}}
  - apiVersion: networking.k8s.io/v1
    kind: NetworkPolicy
    metadata: {name: cart, namespace: shop}
    spec:
      podSelector: {matchLabels: {app: cart}}
      ingress:
        - from: [{podSelector: {matchLabels: {app: web}}}]
          ports: [{port: 80}]
  - apiVersion: networking.k8s.io/v1
    kind: NetworkPolicy
    metadata: {name: base, namespace: shop}
    spec: {podSelector: {}, policyTypes: [Ingress, Egress], egress: []}
`;
const manifests = readManifests(text, "explain.yaml");
const { policies } = manifests;
const cluster = clusterOf(manifests);
const parties = new Map<string, Party>(
  cluster.pods.map((pod) => [pod.workload.replace("-0", ""), { pod }]),
);

function ask(from: string, to: string, port: number, protocol: Protocol = "TCP"): Explanation {
  const party = (name: string): Party => parties.get(name) ?? { address: name };
  return explain(cluster, policies, { from: party(from), to: party(to), port, protocol });
}

describe("explain", () => {
  it("names the rule that allowed, and every policy that isolates", () => {
    const { ingress, egress, verdict, edits } = ask("web", "cart", 80);
    expect(verdict).toBe("denied");
    expect(ingress).toEqual({
      verdict: "allowed",
      reason: "policy",
      because: "shop/cart ingress[0] allows it",
      rules: ["shop/cart ingress[0]"],
      isolating: ["shop/cart", "shop/base"],
    });
    expect(egress.because).toBe(
      "shop/base isolates egress of shop/web-0, and no rule allows shop/cart-0 on 80/TCP",
    );
    expect(edits).toHaveLength(1);
    expect(edits[0]).toMatchObject({ policy: "shop/base", side: "egress", path: "spec.egress" });
  });

  it("proposes the port where only the port is missing", () => {
    const edit = ask("web", "cart", 8080).edits.find((one) => one.side === "ingress");
    expect(edit).toMatchObject({
      path: "spec.ingress[0].ports",
      add: "- protocol: TCP\n  port: 8080\n",
      what: "add 8080/TCP to the ports of ingress[0] of shop/cart",
    });
  });

  it("proposes the peer, with its namespace, where only the peer is missing", () => {
    const [edit] = ask("spy", "cart", 80).edits;
    expect(edit?.path).toBe("spec.ingress[0].from");
    expect(edit?.add).toContain("kubernetes.io/metadata.name: other");
    expect(edit?.add).toContain("app: spy");
    expect(edit?.alsoAllows).toBe(0);
  });

  it("names an address where there is no pod, and no port for ICMP", () => {
    const [edit] = ask("cart", "192.0.2.9", 0, "ICMP").edits;
    expect(edit?.add).toContain("cidr: 192.0.2.9/32");
    expect(edit?.add).not.toContain("ports");
  });

  it("says why where no policy has a say", () => {
    expect(ask("cart", "cart", 80).ingress.because).toBe("a pod always reaches itself");
    expect(ask("web", "spy", 80).ingress.because).toBe("no policy isolates ingress of other/spy-0");
    expect(ask("192.0.2.9", "spy", 80).egress.reason).toBe("outside");
  });

  it("proposes edits that together allow, in random worlds", () => {
    holdsForAll("edits allow what they are for", exampleCount(60), (choices) => {
      const world = makeWorld(choices);
      const items = JSON.stringify({ apiVersion: "v1", kind: "List", items: world.policies });
      const read = readManifests(items, "world.json").policies;
      const questions = [...questionsOf(choices, world.cluster)].filter(
        (_, index) => index % 40 === 0,
      );
      for (const question of questions) {
        const { verdict, edits } = explain(world.cluster, read, question);
        const edited = new Map(edits.map((edit) => [edit.policy, edit.text]));
        // Two edits of one policy each show the policy without the other.
        if (verdict === "allowed" || edits.length > edited.size) continue;
        const after = read.map((one) => edited.get(policyKey(one)) ?? JSON.stringify(one.written));
        const again = readManifests(after.join("\n---\n"), "edited.yaml");
        const judged = new Judge(world.cluster, again.policies).judge(question);
        if (judged.verdict === "denied" || again.diagnostics.length > 0) {
          return `${JSON.stringify(question)}\n${items}\n${JSON.stringify(edits)}`;
        }
      }
      return undefined;
    });
  }, 120_000);
});
