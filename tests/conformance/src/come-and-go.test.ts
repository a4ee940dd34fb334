/** Pods come and go; what they took of the kernel comes back, all of it. */
import { setTimeout as sleep } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { addPods, relabel, removePods } from "@weir/lab";
import { LabBed, until } from "./lab/bed.ts";
import { holdingsOf } from "./lab/holdings.ts";
import { manifestsOf } from "./lab/manifests-of.ts";
import { isFull } from "./run-size.ts";

const batch = 50;
const batches = isFull ? 20 : 4;

/** Pods of a Deployment, which go with one word. */
function crowd(): string {
  const labels = { app: "crowd" };
  const containers = [{ name: "main", image: "none", ports: [{ containerPort: 80 }] }];
  return JSON.stringify({
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { namespace: "t", name: "crowd" },
    spec: {
      replicas: batch,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers } },
    },
  });
}

/** What is held once a second has passed without a change: a switch of policy holds both sides. */
async function atRest(bed: LabBed): Promise<ReturnType<typeof holdingsOf>> {
  for (;;) {
    const first = holdingsOf(bed);
    await sleep(1000);
    if (isDeepStrictEqual(first, holdingsOf(bed))) return first;
  }
}

describe("pods that come and go", () => {
  let bed: LabBed;
  beforeAll(async () => {
    const stays = { key: "t/stays", address: [], labels: {}, node: "" };
    bed = await LabBed.up({ name: "cg", manifests: manifestsOf({ t: {} }, [stays]), nodes: 2 });
  }, 60_000);
  afterAll(() => bed?.down(), 60_000);

  it(`leave nothing of the kernel behind, ${batch * batches} of them`, async () => {
    const policy = {
      apiVersion: "networking.k8s.io/v1",
      kind: "NetworkPolicy",
      metadata: { namespace: "t", name: "deny" },
      spec: { podSelector: {} },
    } as const;
    await bed.wantPolicies([policy]);
    // The first batch makes what is made once: sizes of maps, pools of the runtime.
    await comeAndGo();
    const before = await atRest(bed);
    for (let round = 1; round < batches; round += 1) await comeAndGo();
    let after = holdingsOf(bed);
    await until("everything is given back", () => {
      after = holdingsOf(bed);
      return isDeepStrictEqual(after, before);
    }).catch(() => undefined);
    expect(after).toEqual(before);
    process.stderr.write(`come and go: ${batch * batches} pods; ${JSON.stringify(after)}\n`);
  }, 900_000);

  async function comeAndGo(): Promise<void> {
    const links = holdingsOf(bed)["pinned links"] ?? 0;
    const added = await addPods({ ...bed.at, manifests: [bed.manifest(crowd())] });
    expect(added).toHaveLength(batch);
    await bed.settled(await relabel(bed.at));
    expect(holdingsOf(bed)["pinned links"]).toBe(links + 2 * batch);
    await removePods({ ...bed.at, pod: "t/crowd" });
    await bed.settled(await relabel(bed.at));
  }
});
