/** One question, put to everything here that answers it; they must all say the same. */
import type { Cluster } from "../cluster.ts";
import { clusterOf, podKey } from "../cluster.ts";
import { applyDelta, compiledOf, tablesOf } from "../compiled-delta.ts";
import { explain } from "../explain.ts";
import { CompiledJudge } from "../judge-compiled.ts";
import { Judge } from "../judge.ts";
import { readManifests } from "../manifests.ts";
import { matrix } from "../matrix.ts";
import type { Policy } from "../network-policy.ts";
import { PolicyCompiler } from "../policy-compiler.ts";
import type { Protocol } from "../protocol.ts";
import { hasPorts } from "../protocol.ts";
import type { Party, Question } from "../traffic.ts";

export interface Answers {
  verdict: "allowed" | "denied";
  /** Of the side that denied, else of the destination's. */
  reason: string;
}

/** What collectors hold after a policy came as a delta, and another one went. */
function followed(cluster: Cluster, policies: readonly Policy[]) {
  const compiler = new PolicyCompiler();
  const tables = tablesOf(compiler.compiled);
  const namespaces = Object.entries(cluster.namespaces).map(([name, labels]) => ({ name, labels }));
  applyDelta(
    tables,
    compiler.apply({ pods: { set: cluster.pods }, namespaces: { set: namespaces } }),
  );
  const [first] = policies;
  const other = first === undefined ? [] : [{ ...first, name: "gone", ingress: [], egress: [] }];
  applyDelta(tables, compiler.apply({ policies: { set: [...other, ...policies] } }));
  const deleted = other.map((one) => `${one.namespace}/${one.name}`);
  applyDelta(tables, compiler.apply({ policies: { deleted } }));
  return compiledOf(tables);
}

export class EveryPath {
  readonly cluster: Cluster;
  readonly #policies: Policy[];

  /** `base`: manifests of everything but the policies; each of these is one spec in namespace shop. */
  constructor(base: string, specs: readonly unknown[]) {
    const written = specs.map((spec, index) => ({
      apiVersion: "networking.k8s.io/v1",
      kind: "NetworkPolicy",
      metadata: { name: `p${index}`, namespace: "shop" },
      spec,
    }));
    const texts = written.map((one) => JSON.stringify(one));
    const manifests = readManifests([base, ...texts].join("\n---\n"), "every-path.yaml");
    const [wrong] = manifests.diagnostics;
    if (wrong !== undefined) throw new Error(`${wrong.line}: ${wrong.text}`);
    this.cluster = clusterOf(manifests);
    // What is stored as JSON, and its own text read once more, must mean the same.
    const stored = JSON.parse(JSON.stringify(manifests.policies)) as Policy[];
    this.#policies = stored.flatMap((policy) => {
      const again = readManifests(JSON.stringify(policy.written), "again.json").policies;
      const meant = ({ selector, ingress, egress }: Policy): string =>
        JSON.stringify([selector, ingress, egress]);
      if (again.length !== 1 || meant(again[0] as Policy) !== meant(policy))
        throw new Error(`read again it means something else: ${JSON.stringify(policy.written)}`);
      return again;
    });
  }

  party(name: string): Party {
    const pod = this.cluster.pods.find(
      (one) => podKey(one) === `shop/${name}` || podKey(one) === name,
    );
    return pod === undefined ? { address: name } : { pod };
  }

  ask(from: string, to: string, port: number, protocol: Protocol = "TCP", family?: 4 | 6): Answers {
    const parties = { from: this.party(from), to: this.party(to) };
    const question: Question = {
      ...parties,
      port,
      protocol,
      ...(family === undefined ? {} : { family }),
    };
    const judged = new Judge(this.cluster, this.#policies).judge(question);
    const maps = new CompiledJudge(followed(this.cluster, this.#policies), this.cluster);
    const said = [
      judged.verdict,
      maps.judge(question).verdict,
      explain(this.cluster, this.#policies, question).verdict,
    ];
    if (
      "pod" in parties.from &&
      "pod" in parties.to &&
      family === undefined &&
      hasPorts(protocol)
    ) {
      const keys = [podKey(parties.from.pod), podKey(parties.to.pod)];
      const lines = [...matrix(this.cluster, this.#policies, [{ port, protocol }])];
      said.push(
        ...lines
          .filter((one) => one.from === keys[0] && one.to === keys[1])
          .map((one) => one.verdict),
      );
    }
    if (new Set(said).size !== 1) throw new Error(`they disagree: ${said.join(", ")}`);
    const side = judged.egress.verdict === "denied" ? judged.egress : judged.ingress;
    return { verdict: judged.verdict, reason: side.reason };
  }
}
