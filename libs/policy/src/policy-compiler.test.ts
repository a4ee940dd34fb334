import type { ClusterPod } from "./cluster.ts";
import { compile } from "./compile.ts";
import { applyDelta, compiledOf, isEmptyDelta, tablesOf } from "./compiled-delta.ts";
import type { CompiledTables } from "./compiled-delta.ts";
import { readManifests } from "./manifests.ts";
import type { Policy } from "./network-policy.ts";
import { PolicyCompiler } from "./policy-compiler.ts";
import type { CompilerChange } from "./policy-compiler.ts";

function pod(name: string, address: string, labels: Record<string, string> = {}): ClusterPod {
  return {
    namespace: "shop",
    name,
    labels,
    addresses: [address],
    ports: [{ name: "http", port: 8080, protocol: "TCP" }],
    node: "n1",
    hostNetwork: false,
    workload: name,
    workloadKind: "Pod",
  };
}

function policy(name: string, spec: object): Policy {
  const text = JSON.stringify({
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: { name, namespace: "shop" },
    spec,
  });
  return readManifests(text, "p.json").policies[0] as Policy;
}

const web = policy("web", {
  podSelector: { matchLabels: { app: "web" } },
  ingress: [{ from: [{ podSelector: {} }], ports: [{ port: "http" }] }],
});

describe("PolicyCompiler", () => {
  let compiler: PolicyCompiler;
  let follower: CompiledTables;

  function step(change: CompilerChange) {
    const delta = compiler.apply(change);
    applyDelta(follower, delta);
    return delta;
  }

  beforeEach(() => {
    compiler = new PolicyCompiler();
    follower = tablesOf(compiler.compiled);
    step({
      policies: { set: [web] },
      pods: { set: [pod("a", "10.0.0.1", { app: "web" }), pod("b", "10.0.0.2")] },
      namespaces: { set: [{ name: "shop", labels: {} }] },
    });
  });

  it("gives what a full compilation gives", () => {
    expect(compiler.compiled).toEqual(compile(compiler.cluster, [web]));
    expect(compiledOf(follower)).toEqual(compiler.compiled);
  });

  it("changes nothing where nothing is different", () => {
    expect(isEmptyDelta(step({ pods: { set: [pod("b", "10.0.0.2")] } }))).toBe(true);
    expect(isEmptyDelta(step({ policies: { set: [web], deleted: ["shop/none"] } }))).toBe(true);
    expect(isEmptyDelta(step({}))).toBe(true);
  });

  it("names only what a pod that comes adds, and takes it away again", () => {
    const added = step({ pods: { set: [pod("c", "10.0.0.3")] } });
    expect([added.identities.set.length, added.endpoints.set.length]).toEqual([1, 1]);
    expect([added.entries.set, added.rules.set]).toEqual([[], []]);
    const removed = step({ pods: { deleted: ["shop/c"] } });
    expect(removed.identities).toEqual({
      set: [],
      deleted: added.identities.set.map(({ addr, prefix_bits }) => ({ addr, prefix_bits })),
    });
    expect(removed.endpoints).toEqual({ set: [], deleted: [{ namespace: "shop", pod: "c" }] });
    expect(compiledOf(follower)).toEqual(compile(compiler.cluster, [web]));
  });

  it("leaves nothing behind when everything is deleted", () => {
    step({
      policies: { deleted: ["shop/web"] },
      pods: { deleted: ["shop/a", "shop/b"] },
      namespaces: { deleted: ["shop"] },
    });
    const left = compiledOf(follower);
    expect([left.identities, left.endpoints, left.entries, left.rules]).toEqual([[], [], [], []]);
  });
});
