/** A cluster of the size that the goal names: pods and policies as manifests, two pods of them real. */

const namespaces = 40;
const appsPerNamespace = 10;

/** The pods that really exist: one sends, the other is what the measured policy isolates. */
export const labManifests = JSON.stringify({
  apiVersion: "v1",
  kind: "List",
  items: ["sender", "target"].map((name) => ({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace: "bench", labels: { app: name } },
    spec: { containers: [{ name: "main", image: "none" }] },
  })),
});

/** Pods that are only in the table: they have addresses and labels, and nobody sends. */
export function podManifests(count: number): string {
  const items = Array.from({ length: count }, (_, at) => ({
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name: `${appOf(at)}-${at}`,
      namespace: namespaceOf(at),
      labels: { app: appOf(at), tier: `tier-${at % 4}` },
    },
    spec: {
      nodeName: `node-${at % 20}`,
      containers: [{ name: "c", image: "i", ports: [{ name: "http", containerPort: 8080 }] }],
    },
    status: { podIP: `10.200.${at >> 8}.${at & 255}` },
  }));
  return JSON.stringify({ apiVersion: "v1", kind: "List", items });
}

/** Of the shapes that people write: by app, by tier of another namespace, by port range, by block. */
export function policyTexts(count: number): string {
  return Array.from({ length: count }, (_, at) => policyText(at)).join("---\n");
}

function policyText(at: number): string {
  const peer = appOf(at * 7 + 3);
  const rules = [
    `- from: [{podSelector: {matchLabels: {app: ${peer}}}}]
    ports: [{port: 8080}, {port: ${1024 + (at % 40_000)}}]`,
    `- from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: ${namespaceOf(at + 1)}}}, podSelector: {matchLabels: {tier: tier-${at % 4}}}}]
    ports: [{port: http}]`,
    `- from: [{ipBlock: {cidr: 10.${at % 100}.0.0/16, except: [10.${at % 100}.${at % 250}.0/24]}}]
    ports: [{port: 9000, endPort: 9100}]`,
  ];
  return `apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: policy-${at}, namespace: ${namespaceOf(at)}}
spec:
  podSelector: {matchLabels: {app: ${appOf(at)}}}
  policyTypes: [Ingress]
  ingress:
  ${rules[at % rules.length]}
`;
}

/** Closes the target, or opens it. */
export function measuredPolicy(isOpen: boolean): string {
  return `apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: measured, namespace: bench}
spec:
  podSelector: {matchLabels: {app: target}}
  policyTypes: [Ingress]
  ingress: [{from: [{podSelector: {matchLabels: {app: ${isOpen ? "sender" : "nobody"}}}}]}]
`;
}

function namespaceOf(at: number): string {
  return `team-${at % namespaces}`;
}

function appOf(at: number): string {
  return `app-${Math.floor(at / namespaces) % appsPerNamespace}`;
}
