import { clusterOf } from "./cluster.ts";
import { lint } from "./lint.ts";
import { readManifests } from "./manifests.ts";

const pods = `
{apiVersion: v1, kind: Pod, metadata: {name: web, namespace: shop, labels: {app: web}}, spec: {containers: [{name: c, ports: [{name: http, containerPort: 80}]}]}, status: {podIP: 10.0.0.1}}
---
{apiVersion: v1, kind: Pod, metadata: {name: db, namespace: shop, labels: {app: db}}, status: {podIP: 10.0.0.2}}
---
{apiVersion: v1, kind: Pod, metadata: {name: agent, namespace: shop, labels: {app: agent}}, spec: {hostNetwork: true}}
`;

/** Warnings about policies p0, p1 ... with these specs. */
function warnings(...specs: string[]): string[] {
  const texts = specs.map(
    (spec, index) =>
      `{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: p${index}, namespace: shop}, spec: ${spec}}`,
  );
  const manifests = readManifests([pods, ...texts].join("\n---\n"), "l.yaml");
  expect(manifests.diagnostics).toEqual([]);
  return lint(clusterOf(manifests), manifests.policies).map((one) => one.text);
}

const dns = "{ports: [{port: 53, protocol: UDP}]}";

describe("lint", () => {
  it.each([
    [
      "{podSelector: {matchLabels: {app: wbe}}}",
      "shop/p0 spec.podSelector: selects no pod now (app=wbe in namespace shop)",
    ],
    ["{podSelector: {matchLabels: {app: agent}}}", "only pods on the host's network"],
    ["{ingress: [{}]}", "no podSelector: it isolates every pod of shop"],
    [
      "{podSelector: {}, policyTypes: [Ingress], egress: [{}]}",
      "spec.egress: is ignored: policyTypes does not name Egress",
    ],
    ["{podSelector: {}, policyTypes: [Egress], ingress: [{}]}", "spec.ingress: is ignored"],
    [
      "{podSelector: {}, ingress: [{from: [{podSelector: {matchLabels: {app: x}}}]}]}",
      "spec.ingress[0].from[0].podSelector: app=x matches no pod of namespace shop now",
    ],
    [
      "{podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {team: x}}}]}]}",
      "no namespace carries the label team=x: label the one that is meant",
    ],
    [
      "{podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: x}}}]}]}",
      "kubernetes.io/metadata.name=x matches no namespace there is now: label",
    ],
    [
      "{podSelector: {}, ingress: [{from: [{namespaceSelector: {}, podSelector: {matchLabels: {app: x}}}]}]}",
      "app=x matches no pod of those namespaces now: correct the labels, or remove the peer",
    ],
    [
      "{podSelector: {}, policyTypes: [Egress], egress: [{to: [{podSelector: {matchLabels: {app: db}}}]}]}",
      "may call others but ask no DNS server: allow port 53 over UDP and TCP",
    ],
    [
      "{podSelector: {}, policyTypes: [Egress], egress: [{to: [{podSelector: {matchLabels: {app: db}}}], ports: [{port: grpc}]}, {ports: [{port: 53, protocol: UDP}]}]}",
      "no pod that its peers are has a TCP port named grpc, so it allows nothing: name the containerPort so",
    ],
    [
      "{podSelector: {}, ingress: [{from: []}]}",
      "spec.ingress[0].from: is empty and means everybody",
    ],
    ["{podSelector: {}, ingress: [{ports: []}]}", "means every port"],
    [
      "{podSelector: {}, ingress: [{from: [{namespaceSelector: {}}, {podSelector: {}}]}]}",
      "from[1]: is a peer of its own",
    ],
    [
      "{podSelector: {matchLabels: {app: db}}, ingress: [{ports: [{port: http}]}]}",
      "has a TCP port named http, so it allows nothing",
    ],
    [
      "{podSelector: {}, ingress: [{ports: [{port: http, protocol: UDP}]}]}",
      "has a UDP port named http",
    ],
    [
      "{podSelector: {}, policyTypes: [Egress], egress: [{ports: [{port: 443}]}]}",
      "may call others but ask no DNS server",
    ],
    [
      "{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.1/24}}]}]}",
      "10.0.0.1/24 has bits beyond its length: it means 10.0.0.0/24",
    ],
  ])("warns of %s", (spec, text) => {
    expect(warnings(spec).join("\n")).toContain(text);
  });

  it.each([
    "{podSelector: {}, policyTypes: [Ingress, Egress]}",
    "{podSelector: {matchLabels: {app: web}}, ingress: [{from: [{podSelector: {matchLabels: {app: db}}}], ports: [{port: http}]}]}",
    `{podSelector: {}, policyTypes: [Egress], egress: [${dns}, {ports: [{port: http}]}]}`,
    "{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16]}}]}]}",
  ])("has nothing to say of %s", (spec) => {
    expect(warnings(spec)).toEqual([]);
  });

  const narrow =
    "{podSelector: {matchLabels: {app: web}}, ingress: [{from: [{podSelector: {matchLabels: {app: db}}}], ports: [{port: 80}]}]}";

  it("finds a policy that another one makes dead, the later of two that say the same", () => {
    expect(warnings(narrow, "{podSelector: {}, ingress: [{}]}")).toEqual([
      "shop/p0 spec: changes nothing: shop/p1 isolates the same pods and allows all of it already; delete one",
    ]);
    expect(warnings(narrow, narrow)).toEqual([
      expect.stringContaining("shop/p1 spec: changes nothing"),
    ]);
    expect(warnings(narrow, "{podSelector: {}, ingress: []}")).toEqual([]);
  });

  it("finds a default deny that a rule for everybody takes away, and leaves it as a floor else", () => {
    const floor = "{podSelector: {matchLabels: {app: db}}, policyTypes: [Ingress]}";
    expect(warnings(floor, "{podSelector: {}, ingress: [{}]}").join()).toContain(
      "shop/p0 spec: changes nothing",
    );
    expect(warnings(floor, "{podSelector: {}, ingress: [{ports: [{port: 80}]}]}")).toEqual([]);
  });

  it("finds a policy that several others together make dead", () => {
    const both =
      "{podSelector: {matchLabels: {app: web}}, ingress: [{ports: [{port: 80}]}, {ports: [{port: 90}]}]}";
    const one = "{podSelector: {}, ingress: [{ports: [{port: 80}]}]}";
    const other = "{podSelector: {}, ingress: [{ports: [{port: 85, endPort: 95}]}]}";
    expect(warnings(both, one, other)).toEqual([
      "shop/p0 spec: changes nothing: shop/p1 and shop/p2 isolate the same pods and allow all of it already; delete one",
    ]);
    expect(warnings(both, one)).toEqual([
      expect.stringContaining("shop/p0 spec.ingress[0]: adds nothing: shop/p1 ingress[0] allows"),
    ]);
  });

  it.each([
    ["{}", "{ports: [{port: 80}]}"],
    ["{ports: [{port: 80, endPort: 90}]}", "{ports: [{port: 85}]}"],
    ["{ports: [{protocol: TCP}]}", "{ports: [{port: http}]}"],
    ["{from: [{namespaceSelector: {}}]}", "{from: [{podSelector: {matchLabels: {app: db}}}]}"],
    ["{from: [{podSelector: {}}]}", "{from: [{podSelector: {matchLabels: {app: db}}}]}"],
    [
      "{from: [{podSelector: {matchExpressions: [{key: app, operator: In, values: [db, web]}]}}]}",
      "{from: [{podSelector: {matchLabels: {app: db}}}]}",
    ],
    [
      "{from: [{podSelector: {matchExpressions: [{key: app, operator: NotIn, values: [x]}]}}]}",
      "{from: [{podSelector: {matchLabels: {app: db}}}]}",
    ],
    [
      "{from: [{podSelector: {matchExpressions: [{key: app, operator: Exists}]}}]}",
      "{from: [{podSelector: {matchLabels: {app: db}}}]}",
    ],
    [
      "{from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: shop}}}]}",
      "{from: [{podSelector: {matchLabels: {app: db}}}]}",
    ],
    [
      "{from: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.9.0.0/16]}}]}",
      "{from: [{ipBlock: {cidr: 10.1.0.0/16}}]}",
    ],
    [
      "{from: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.2.0/24]}}]}",
      "{from: [{ipBlock: {cidr: 10.1.0.0/16, except: [10.1.2.0/23]}}]}",
    ],
  ])("finds that beside %s the rule %s adds nothing, and not the other way", (wide, few) => {
    const text = warnings(`{podSelector: {matchLabels: {app: web}}, ingress: [${few}, ${wide}]}`);
    expect(text).toEqual([
      "shop/p0 spec.ingress[0]: adds nothing: shop/p0 ingress[1] allows all of it already; remove it, or narrow the other",
    ]);
  });

  it.each([
    ["{ports: [{port: 80}]}", "{ports: [{port: 80, protocol: UDP}]}"],
    ["{ports: [{port: 80}]}", "{ports: [{port: http}]}"],
    [
      "{from: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.2.0/24]}}]}",
      "{from: [{ipBlock: {cidr: 10.1.0.0/16}}]}",
    ],
    ["{from: [{ipBlock: {cidr: 0.0.0.0/0}}]}", "{from: [{ipBlock: {cidr: '::/0'}}]}"],
    [
      "{from: [{podSelector: {}}]}",
      "{from: [{namespaceSelector: {}, podSelector: {matchLabels: {app: db}}}]}",
    ],
    [
      "{from: [{podSelector: {matchLabels: {app: db}}}], ports: [{port: 80}]}",
      "{from: [{podSelector: {matchLabels: {app: web}}}], ports: [{port: 80}]}",
    ],
  ])("keeps %s and %s apart", (one, other) => {
    const spec = (first: string, second: string) =>
      `{podSelector: {matchLabels: {app: web}}, ingress: [${first}, ${second}]}`;
    const said = [...warnings(spec(one, other)), ...warnings(spec(other, one))];
    expect(said.filter((text) => text.includes("adds nothing"))).toEqual([]);
  });

  it("refuses an except outside its cidr, with its place", () => {
    const spec =
      "{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8, except: [11.0.0.0/16]}}]}]}";
    const text = `{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: p}, spec: ${spec}}`;
    const { policies, diagnostics } = readManifests(text, "l.yaml");
    expect(policies).toEqual([]);
    expect(diagnostics[0]?.text).toContain(
      "11.0.0.0/16 is no part of 10.0.0.0/8: an except must be a smaller block inside the cidr",
    );
    expect(diagnostics[0]?.column).toBe(text.indexOf("11.0.0.0") + 1);
  });

  it("does not judge selections without any pod to judge by", () => {
    const spec =
      "{podSelector: {matchLabels: {app: x}}, ingress: [{from: [{podSelector: {}}], ports: [{port: http}]}]}";
    const text = `{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: p}, spec: ${spec}}`;
    const manifests = readManifests(text, "l.yaml");
    expect(lint(clusterOf(manifests), manifests.policies)).toEqual([]);
  });

  it("is content where another policy brings the DNS", () => {
    const calls = "{podSelector: {}, policyTypes: [Egress], egress: [{ports: [{port: 443}]}]}";
    expect(warnings(calls, `{podSelector: {}, policyTypes: [Egress], egress: [${dns}]}`)).toEqual(
      [],
    );
  });

  it("names two policies of one name, and the line of a field", () => {
    const text = `apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: p, namespace: shop}
spec:
  podSelector:
    matchLabels: {app: nobody}
`;
    const manifests = readManifests(`${text}---\n${text}---${pods}`, "l.yaml");
    const found = lint(clusterOf(manifests), manifests.policies);
    expect(found.map(({ line }) => line)).toEqual([5, 10, 12]);
    expect(found[1]?.text).toContain("defined more than once");
  });
});
