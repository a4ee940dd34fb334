import type { WrittenPolicy } from "@weir/policy";
import type { Action, ListedPod } from "./data.ts";

/** The cluster as a case's actions leave it. */
export class State {
  readonly namespaces: Map<string, Record<string, string>>;
  readonly pods: Map<string, ListedPod>;
  readonly policies = new Map<string, WrittenPolicy>();

  constructor(namespaces: Record<string, Record<string, string>>, pods: readonly ListedPod[]) {
    this.namespaces = new Map(Object.entries(namespaces));
    this.pods = new Map(pods.map((pod) => [`${pod.namespace}/${pod.name}`, pod]));
  }

  apply(action: Action): void {
    const {
      createPolicy,
      updatePolicy,
      deletePolicy,
      createNamespace,
      deleteNamespace,
      setNamespaceLabels,
    } = action;
    const { createPod, deletePod, setPodLabels } = action;
    const policy = createPolicy ?? updatePolicy;
    const labels = createNamespace ?? setNamespaceLabels;
    if (policy !== undefined)
      this.policies.set(`${policy.metadata.namespace}/${policy.metadata.name}`, policy);
    else if (deletePolicy !== undefined)
      this.policies.delete(`${deletePolicy.namespace}/${deletePolicy.name}`);
    else if (labels !== undefined) this.namespaces.set(labels.namespace, labels.labels);
    else if (deleteNamespace !== undefined) this.#deleteNamespace(deleteNamespace.namespace);
    else if (createPod !== undefined)
      this.pods.set(`${createPod.namespace}/${createPod.name}`, createPod);
    else if (deletePod !== undefined) this.pods.delete(`${deletePod.namespace}/${deletePod.name}`);
    else if (setPodLabels !== undefined) {
      const key = `${setPodLabels.namespace}/${setPodLabels.name}`;
      const pod = this.pods.get(key);
      if (pod === undefined) throw new Error(`there is no pod ${key} to relabel`);
      this.pods.set(key, { ...pod, labels: setPodLabels.labels });
    } else throw new Error(`an action nobody knows: ${JSON.stringify(action)}`);
  }

  #deleteNamespace(name: string): void {
    this.namespaces.delete(name);
    for (const [key, pod] of this.pods) if (pod.namespace === name) this.pods.delete(key);
    for (const [key, policy] of this.policies)
      if (policy.metadata.namespace === name) this.policies.delete(key);
  }

  /** Manifests as a user would hand them in. */
  manifests(): string {
    const namespaces = [...this.namespaces].map(([name, labels]) => ({
      apiVersion: "v1",
      kind: "Namespace",
      metadata: { name, labels },
    }));
    const pods = [...this.pods.values()].map(({ namespace, name, labels, ip, ports }) => ({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { namespace, name, labels },
      spec: {
        containers: [
          {
            name: "server",
            image: "registry.k8s.io/e2e-test-images/agnhost",
            ports: (ports ?? []).map((port) => ({
              name: port.name,
              containerPort: port.port,
              protocol: port.protocol,
            })),
          },
        ],
      },
      status: { podIP: ip, podIPs: [{ ip }] },
    }));
    // Some cases were written from typed objects, which do not say what they are.
    const what = { apiVersion: "networking.k8s.io/v1", kind: "NetworkPolicy" };
    const policies = [...this.policies.values()].map((policy) => ({ ...what, ...policy }));
    const items = [...namespaces, ...pods, ...policies];
    return JSON.stringify({ apiVersion: "v1", kind: "List", items });
  }
}
