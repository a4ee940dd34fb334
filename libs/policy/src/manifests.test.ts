import { readManifests } from "./manifests.ts";
import { formatDiagnostic } from "./problem.ts";
import { Choices, exampleCount, freshSeed } from "./testing/choices.ts";

const head = `apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web, namespace: shop}
`;

/** Lines of the diagnostics of one policy with this spec; the spec begins on line 4. */
function complaints(spec: string): string[] {
  return readManifests(`${head}${spec}\n`, "p.yaml").diagnostics.map((one) =>
    formatDiagnostic(one),
  );
}

function rule(text: string): string {
  return `spec: {podSelector: {}, ingress: [${text}]}`;
}

function port(text: string): string {
  return rule(`{ports: [${text}]}`);
}

describe("NetworkPolicy as the API server takes it", () => {
  it.each([
    [port("{port: 0}"), "ports[0].port: 0 is no port: use 1 to 65535"],
    [port("{port: 65536}"), "65536 is no port"],
    [port("{port: 1.5}"), "must be a whole number, not 1.5"],
    [port('{port: "80"}'), "write a port number without quotes"],
    [port("{port: http_alt}"), '"http_alt" is no port name'],
    [port("{port: this-name-is-too-long}"), "is no port name"],
    [port("{port: 80, endPort: 79}"), "79 lies below port 80"],
    [port("{port: 80, endPort: 70000}"), "70000 is no port"],
    [port("{port: http, endPort: 90}"), "goes with a numeric port only"],
    [port("{endPort: 90}"), "needs a port to begin with"],
    [port("{protocol: tcp, port: 80}"), "did you mean TCP?"],
    [port("{protocol: ICMP}"), '"ICMP" is no protocol of a NetworkPolicy: use TCP, UDP, SCTP'],
    [port("{prot: TCP}"), "ports[0].prot: unknown field"],
    [rule("{from: [{}]}"), "from[0]: is an empty peer"],
    [
      rule("{from: [{podSelector: {matchExpressions: [null]}}]}"),
      "from[0].podSelector.matchExpressions[0]: is empty: write key, operator and values",
    ],
    [
      rule("{from: [{namespaceSelector: {matchExpressions: [~]}}]}"),
      "namespaceSelector.matchExpressions[0]: is empty",
    ],
    [rule("{from: [{ipBlock: {cidr: 10.0.0.0}}]}"), '"10.0.0.0" is no block of addresses'],
    [rule("{from: [{ipBlock: {cidr: 10.0.0.0/33}}]}"), "is no block of addresses"],
    [rule("{from: [{ipBlock: {cidr: 010.0.0.0/8}}]}"), "is no block of addresses"],
    [rule("{from: [{ipBlock: {except: [10.0.0.0/8]}}]}"), "ipBlock.cidr: is missing"],
    [
      rule("{from: [{ipBlock: {cidr: 10.0.0.0/8, except: [11.0.0.0/9]}}]}"),
      "11.0.0.0/9 is no part of 10.0.0.0/8",
    ],
    [
      rule("{from: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.0.0.0/8]}}]}"),
      "must be a smaller block",
    ],
    [
      rule("{from: [{ipBlock: {cidr: '::/0', except: [10.0.0.0/8]}}]}"),
      "10.0.0.0/8 is no part of ::/0",
    ],
    [rule("{from: [{ipBlock: {cidr: 10.0.0.0/8}, podSelector: {}}]}"), "ipBlock: stands alone"],
    [
      rule("{to: [{podSelector: {}}]}"),
      "spec.ingress[0].to: unknown field: known here: from, ports",
    ],
    [rule("{from: [{podSelector: {matchLabels: {app: [a]}}}]}"), 'must be text, not ["a"]'],
    [rule("{from: [{podSelector: {matchLabels: {app: 1}}}]}"), 'write it in quotes, "1"'],
    [rule("{from: [{podSelector: {matchLabels: {-app: x}}}]}"), '"-app" is no key'],
    [rule("{from: [{podSelector: {matchLabels: {app: a/b}}}]}"), '"a/b" is refused'],
    [
      rule("{from: [{podSelector: {matchExpressions: [{key: a, operator: in, values: [b]}]}}]}"),
      "did you mean In?",
    ],
    [
      rule("{from: [{podSelector: {matchExpressions: [{key: a, operator: In}]}}]}"),
      "In needs at least one value",
    ],
    [
      rule("{from: [{podSelector: {matchExpressions: [{key: a, operator: NotIn, values: []}]}}]}"),
      "NotIn needs at least one value",
    ],
    [
      rule(
        "{from: [{podSelector: {matchExpressions: [{key: a, operator: Exists, values: [b]}]}}]}",
      ),
      "Exists takes no values",
    ],
    [rule("{from: [{podSelector: {matchExpressions: [{operator: Exists}]}}]}"), "key: is missing"],
    [
      rule("{from: {podSelector: {}}}"),
      'must be a list, not {"podSelector":{}}: begin each item with "- "',
    ],
    ["spec: {podSelector: {}, policyTypes: [ingress]}", "did you mean Ingress?"],
    ["spec: {podSelector: {}, policyTypes: [Ingress, Egress, Ingress]}", "at most two entries"],
    ["spec: {podSelecter: {}}", "spec.podSelecter: unknown field: did you mean podSelector?"],
    ["spec: []", "spec: must be an object, not []"],
    ["specs: {}", "specs: unknown field: did you mean spec?"],
  ])("refuses %s", (spec, why) => {
    const found = complaints(spec);
    expect(found.join("\n")).toContain(why);
    expect(found.every((line) => line.startsWith("p.yaml:4:"))).toBe(true);
    expect(readManifests(`${head}${spec}\n`, "p.yaml").policies).toEqual([]);
  });

  it.each([
    ["metadata: {namespace: shop}", "metadata.name: is missing"],
    ["metadata: {name: Web}", '"Web" is no name'],
    ["metadata: {name: web, namespace: a.b}", '"a.b" is no namespace'],
    ["metadata: {name: web, lables: {}}", "did you mean labels?"],
    ["metadata: {name: web, labels: {a b: c}}", '"a b" is no key'],
  ])("refuses %s", (metadata, why) => {
    const text = `apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n${metadata}\nspec: {}\n`;
    expect(
      readManifests(text, "p.yaml")
        .diagnostics.map((one) => formatDiagnostic(one))
        .join("\n"),
    ).toContain(why);
  });

  it("takes what the server fills in, and null for absent", () => {
    const text = `${head}spec: {podSelector: null, ingress: null, policyTypes: null}\nstatus: {}\n`;
    const { policies, diagnostics } = readManifests(
      text.replace("namespace: shop", "namespace: shop, creationTimestamp: null"),
      "p.yaml",
    );
    expect(diagnostics).toEqual([]);
    expect(policies[0]).toMatchObject({ selector: [], ingress: [], egress: null });
  });

  it.each([
    ["{}", { ingress: [], egress: null }],
    ["{egress: []}", { ingress: [], egress: null }],
    ["{egress: [{}]}", { ingress: [], egress: [{ peers: "any", ports: "any" }] }],
    ["{policyTypes: [Egress], ingress: [{}]}", { ingress: null, egress: [] }],
    ["{ingress: []}", { ingress: [], egress: null }],
    ["{ingress: [{from: [], ports: []}]}", { ingress: [{ peers: "any", ports: "any" }] }],
    [
      "{ingress: [{from: [{podSelector: {}}]}]}",
      { ingress: [{ peers: [{ kind: "pods", namespaces: null, pods: [] }] }] },
    ],
    [
      "{ingress: [{from: [{namespaceSelector: {}}]}]}",
      { ingress: [{ peers: [{ kind: "pods", namespaces: [], pods: [] }] }] },
    ],
  ])("tells absent from empty in %s", (spec, expected) => {
    const { policies } = readManifests(`${head}spec: ${spec}\n`, "p.yaml");
    expect(policies[0]).toMatchObject(expected);
    expect(JSON.parse(JSON.stringify(policies[0]))).toEqual(policies[0]);
  });
});

describe("manifests", () => {
  const pod = (name: string) => `{apiVersion: v1, kind: Pod, metadata: {name: ${name}}}`;

  it("reads documents, JSON with tabs, and lists in lists", () => {
    const json = JSON.stringify(
      { apiVersion: "v1", kind: "Pod", metadata: { name: "j" } },
      null,
      "\t",
    );
    expect(readManifests(json, "p.json").pods.map((one) => one.name)).toEqual(["j"]);
    const inner = `{apiVersion: v1, kind: List, items: [${pod("b")}]}`;
    const text = `# only a comment\n---\n${pod("a")}\n---\n{apiVersion: v1, kind: List, items: [${inner}, ${pod("c")}]}\n---\n{apiVersion: v1, kind: PodList, items: [{metadata: {name: d}}]}\n`;
    const { pods, diagnostics } = readManifests(text, "p.yaml");
    expect(diagnostics).toEqual([]);
    expect(pods.map((one) => [one.name, one.namespace])).toEqual(
      "abcd".split("").map((name) => [name, "default"]),
    );
  });

  it("keeps good objects beside bad ones, and names each bad one's place", () => {
    const { pods, diagnostics } = readManifests(
      `${pod("a")}\n---\n${pod("B_")}\n---\na: [\n---\n${pod("c")}\n`,
      "p.yaml",
    );
    expect(pods.map((one) => one.name)).toEqual(["a", "c"]);
    expect(diagnostics.map(({ line }) => line)).toEqual([3, 6]);
  });

  it("reads addresses, ports of all containers and sidecars of a pod", () => {
    const text = `apiVersion: v1
kind: Pod
metadata: {name: p, labels: {app: x}}
spec:
  nodeName: n1
  initContainers:
    - {name: once, ports: [{containerPort: 1}]}
    - {name: sidecar, restartPolicy: Always, ports: [{name: metrics, containerPort: 9090}]}
  containers:
    - {name: a, ports: [{name: dns, containerPort: 53, protocol: UDP}], env: [{name: X_ADDR, value: "y:1"}, {name: SECRET, valueFrom: {}}]}
status: {podIP: 10.0.0.1, podIPs: [{ip: 10.0.0.1}, {ip: "fd00::1"}]}
`;
    const [read] = readManifests(text, "p.yaml").pods;
    expect(read).toMatchObject({
      node: "n1",
      addresses: ["10.0.0.1", "fd00::1"],
      workload: "p",
      workloadKind: "Pod",
    });
    expect(read?.containers.flatMap((one) => one.ports)).toEqual([
      { name: "metrics", port: 9090, protocol: "TCP" },
      { name: "dns", port: 53, protocol: "UDP" },
    ]);
    expect(read?.containers[1]?.env).toEqual([{ name: "X_ADDR", value: "y:1" }]);
  });

  it.each([
    ["{apiVersion: v1}", "kind: is missing"],
    ["{kind: Pod}", "apiVersion: is missing"],
    [
      "{apiVersion: extensions/v1beta1, kind: NetworkPolicy}",
      '"extensions/v1beta1" of NetworkPolicy is not read: use networking.k8s.io/v1',
    ],
    ["{apiVersion: apps/v1, kind: Deploymnet}", "did you mean Deployment?"],
    ["{apiVersion: apps/v1, kind: Deployment, metadata: {name: d}}", "spec.template: is missing"],
    [
      "{apiVersion: apps/v1, kind: Deployment, metadata: {name: d}, spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: c}}}}}",
      "make them agree",
    ],
    ["just text", 'must be an object, not "just text"'],
    ["{apiVersion: v1, kind: List, items: 3}", "items: must be a list, not 3"],
  ])("says what is wrong with %s", (text, why) => {
    const found = readManifests(text, "p.yaml").diagnostics;
    expect(found.map((one) => formatDiagnostic(one)).join("\n")).toContain(why);
  });

  it("ignores kinds it has no use for, but says so of other policies", () => {
    const other = "{apiVersion: cilium.io/v2, kind: CiliumNetworkPolicy, metadata: {name: x}}";
    const knative = "{apiVersion: serving.knative.dev/v1, kind: Service, metadata: {name: y}}";
    const { ignored, diagnostics, services } = readManifests(
      `${other}\n---\n${knative}\n`,
      "p.yaml",
    );
    expect(ignored.map(({ name }) => name)).toEqual(["x", "y"]);
    expect(services).toEqual([]);
    expect(diagnostics).toMatchObject([{ severity: "warning" }]);
  });

  it("refuses what would take the process down", () => {
    const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\n${"bcdefghi"
      .split("")
      .map(
        (name, index) => `${name}: &${name} [${Array(9).fill(`*${"abcdefgh"[index]}`).join(",")}]`,
      )
      .join("\n")}\n`;
    expect(readManifests(bomb, "p.yaml").diagnostics[0]?.text).toContain("cannot be read");
    expect(readManifests("a: 1\na: 2\n", "p.yaml").diagnostics[0]?.text).toContain(
      "stands there twice",
    );
  });

  it("never throws, whatever the bytes", () => {
    const seed = freshSeed();
    const sample = `${head}${rule("{from: [{ipBlock: {cidr: 10.0.0.0/8}}], ports: [{port: 80, endPort: 90}]}")}\n---\n${pod("a")}\n`;
    for (let index = 0; index < exampleCount(300); index += 1) {
      const choices = Choices.random(seed + index);
      const bytes = sample.split("");
      for (let edits = 1 + choices.below(6); edits > 0; edits -= 1) {
        const at = choices.below(bytes.length);
        const fresh = choices.pick([
          ...`{}[]:,-&*!|>'"%@#? \n\t\u0000\u00e9~0`.split(""),
          "__proto__",
          "null",
          "<<: ",
          "1e999",
        ]);
        bytes.splice(at, choices.below(3), fresh);
      }
      const text = bytes.join("");
      try {
        readManifests(text, "fuzz.yaml");
      } catch (error) {
        throw new Error(`WEIR_SEED=${seed + index}: ${JSON.stringify(text)}`, { cause: error });
      }
    }
  });
});
