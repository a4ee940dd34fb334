import type { Cluster } from "./cluster.ts";
import { clusterOf } from "./cluster.ts";
import { compile } from "./compile.ts";
import type { CompiledPolicy } from "./compiled.ts";
import { readManifests } from "./manifests.ts";

function pod(name: string, address: string, app: string): string {
  return `{apiVersion: v1, kind: Pod, metadata: {name: ${name}, namespace: shop, labels: {app: ${app}}}, spec: {containers: [{name: c, ports: [{name: http, containerPort: 80}]}]}, status: {podIP: ${address}}}`;
}

function policy(name: string, spec: string): string {
  return `{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: ${name}, namespace: shop}, spec: ${spec}}`;
}

function compiled(...objects: string[]): CompiledPolicy & { cluster: Cluster } {
  const manifests = readManifests(objects.join("\n---\n"), "c.yaml");
  expect(manifests.diagnostics).toEqual([]);
  const cluster = clusterOf(manifests);
  return { ...compile(cluster, manifests.policies), cluster };
}

const web = pod("web-0", "10.0.0.1", "web");
const db = pod("db-0", "10.0.0.2", "db");
const guard = policy(
  "db",
  "{podSelector: {matchLabels: {app: db}}, ingress: [{from: [{podSelector: {matchLabels: {app: web}}}], ports: [{port: 80}]}]}",
);

describe("compile", () => {
  it("needs nothing where no policy is in force", () => {
    const { identities, entries, rules, endpoints } = compiled(web, db);
    expect({ identities, entries, rules }).toEqual({ identities: [], entries: [], rules: [] });
    expect(endpoints).toMatchObject([
      { pod: "db-0", ingress_rule_set: 0, egress_rule_set: 0 },
      { pod: "web-0", ingress_rule_set: 0 },
    ]);
  });

  it("makes one identity for what a policy can tell apart, and names rule and rule set", () => {
    const { identities, entries, rules, endpoints } = compiled(web, db, guard);
    expect(identities).toHaveLength(1);
    expect(identities[0]?.prefix_bits).toBe(128);
    const set = endpoints.find((one) => one.pod === "db-0")?.ingress_rule_set;
    expect(entries).toEqual([
      {
        rule_set: set,
        identity: identities[0]?.identity,
        prefix_bits: 88,
        protocol: 6,
        port: 80,
        rule: expect.any(Number),
      },
    ]);
    const texts = new Map(rules.map(({ rule, text }) => [rule, text]));
    expect(texts.get(entries[0]?.rule ?? 0)).toBe("shop/db ingress[0]");
    expect(texts.get(set ?? 0)).toBe("default-deny ingress (shop/db)");
  });

  it("grows with what policies tell apart, not with pods", () => {
    const many = Array.from({ length: 50 }, (_, index) =>
      pod(`web-${index}`, `10.0.1.${index}`, "web"),
    );
    const { identities, entries, endpoints } = compiled(db, guard, ...many);
    expect(entries).toHaveLength(1);
    expect(new Set(identities.map((one) => one.identity)).size).toBe(1);
    expect(endpoints).toHaveLength(51);
  });

  it("denies where peers are nobody: a rule set without entries", () => {
    const nobody = policy(
      "db",
      "{podSelector: {matchLabels: {app: db}}, ingress: [{from: [{podSelector: {matchLabels: {app: nobody}}}]}]}",
    );
    const { entries, endpoints, rules } = compiled(web, db, nobody);
    expect(entries).toEqual([]);
    const set = endpoints.find((one) => one.pod === "db-0")?.ingress_rule_set;
    expect(set).toBeGreaterThan(0);
    expect(rules.find((one) => one.rule === set)?.text).toBe("default-deny ingress (shop/db)");
  });

  it("keeps every id when a pod or another policy comes, and the order does not matter", () => {
    const before = compiled(web, db, guard);
    const other = policy(
      "web",
      "{podSelector: {matchLabels: {app: web}}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 192.0.2.0/24}}]}]}",
    );
    const after = compiled(other, pod("web-1", "10.0.0.9", "web"), guard, db, web);
    for (const { rule, text } of before.rules) expect(after.rules).toContainEqual({ rule, text });
    for (const entry of before.entries) expect(after.entries).toContainEqual(entry);
    for (const entry of before.identities) expect(after.identities).toContainEqual(entry);
    const again = compiled(web, guard, pod("web-1", "10.0.0.9", "web"), db, other);
    expect(again).toEqual({ ...after, cluster: again.cluster });
  });

  it("writes a hole where an except leaves nothing to tell", () => {
    const block = policy(
      "db",
      "{podSelector: {matchLabels: {app: db}}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16]}}]}]}",
    );
    const { identities } = compiled(pod("db-0", "192.0.2.1", "db"), block);
    expect(identities.map(({ prefix_bits, identity }) => [prefix_bits, identity === 0])).toEqual([
      [104, false],
      [112, true],
    ]);
  });

  it("gives an address that two pods claim only what holds for both", () => {
    const { identities } = compiled(web, pod("twin", "10.0.0.1", "other"), db, guard);
    expect(identities).toEqual([]);
  });
});
