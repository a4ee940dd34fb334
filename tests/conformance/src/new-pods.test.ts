/**
 * A new pod is judged from its first packet on: a program that is in its network before the pod is
 * sends all the time, and what arrives is counted by the receiving pod's own stack.
 */
import { addPods, labExec, relabel, removePods } from "@weir/lab";
import type { WrittenPolicy } from "@weir/policy";
import { LabBed, until } from "./lab/bed.ts";
import { sendFromFirstInstant } from "./lab/first-instant.ts";
import { manifestsOf } from "./lab/manifests-of.ts";
import { isFull } from "./run-size.ts";

const rounds = isFull ? 20 : 2;
const target = "t/target";
const targetAddress = "10.99.0.2";
const reused = "10.99.0.3";
const port = 80;
/** More than a pod takes to go and another to come. */
const policyDelayMs = 800;
const namespaces = { t: {}, n: {} };
const nodes = (bed: LabBed): string[] => [1, 2].map((number) => `${bed.at.name}-node-${number}`);

const header = { apiVersion: "networking.k8s.io/v1", kind: "NetworkPolicy" } as const;
const denyNew: WrittenPolicy = {
  ...header,
  metadata: { namespace: "n", name: "deny" },
  spec: { podSelector: {}, policyTypes: ["Ingress", "Egress"] },
};
const allowNew: WrittenPolicy = {
  ...header,
  metadata: { namespace: "n", name: "allow" },
  spec: { podSelector: { matchLabels: { role: "open" } }, egress: [{}], policyTypes: ["Egress"] },
};
const onlyOld: WrittenPolicy = {
  ...header,
  metadata: { namespace: "t", name: "only-old" },
  spec: {
    podSelector: {},
    ingress: [{ from: [{ namespaceSelector: {}, podSelector: { matchLabels: { role: "old" } } }] }],
  },
};

function progress(what: string, round: number): void {
  if ((round + 1) % 5 === 0) process.stderr.write(`new pods: ${what}, ${round + 1} of ${rounds}\n`);
}

/** A counter of /proc/net/snmp: a line of names for each group, and below it one of values. */
function counterOf(snmp: string, group: string, name: string): number {
  const [names = [], values = []] = snmp
    .split("\n")
    .filter((line) => line.startsWith(`${group}:`))
    .map((line) => line.split(" "));
  const value = Number(values[names.indexOf(name)]);
  if (Number.isNaN(value)) throw new Error(`${group} ${name} is not in /proc/net/snmp`);
  return value;
}

describe("a new pod", () => {
  let bed: LabBed;

  beforeAll(async () => {
    const pods = [{ key: target, address: targetAddress, labels: { role: "target" }, node: "" }];
    bed = await LabBed.up({ name: "np", manifests: manifestsOf(namespaces, pods), nodes: 2 });
  }, 60_000);
  afterAll(() => bed?.down(), 60_000);

  const counters = async (): Promise<string> => {
    const command = ["cat", "/proc/net/snmp"];
    return (await labExec({ ...bed.at, pod: target, command })).stdout;
  };
  /**
   * IP packets that the target's stack has seen, without ICMP: a late word of the target to a pod that
   * went is answered by the node, as unreachable.
   */
  const received = async (): Promise<number> => {
    const snmp = await counters();
    return counterOf(snmp, "Ip", "InReceives") - counterOf(snmp, "Icmp", "InMsgs");
  };
  /** A namespace with half-closed connections outlives its pod, and answers what the target still says. */
  const closed = () =>
    until("the target has closed its connections", async () => {
      return counterOf(await counters(), "Tcp", "CurrEstab") === 0;
    });
  const add = (key: string, node: string, labels: Record<string, string>) =>
    addPods({
      ...bed.at,
      manifests: [bed.manifest(manifestsOf(namespaces, [{ key, address: reused, labels, node }]))],
    });
  const settle = async (policies: WrittenPolicy[]): Promise<void> => {
    await bed.wantPolicies(policies);
    await bed.settled(await relabel(bed.at));
  };
  const sending = (pod: string, tries = 400) =>
    sendFromFirstInstant(bed.at.name, pod, { address: targetAddress, port, rounds: tries }).ended;

  it.each([0, 1])(
    "under default deny sends nothing that arrives, on node %d",
    async (node) => {
      await settle([denyNew]);
      for (let round = 0; round < rounds; round += 1) {
        const before = await received();
        // Policy comes when the pod has been there for a while.
        bed.policy.delayMs = policyDelayMs;
        const sent = sending("n/first");
        await add("n/first", nodes(bed)[node] ?? "", {});
        const { sent: count, refused } = await sent;
        bed.policy.delayMs = 0;
        await bed.settled(await relabel(bed.at));
        expect(await received()).toBe(before);
        // It was there before the interface, and went on for a while after it.
        expect(refused).toBeGreaterThan(0);
        expect(count).toBeGreaterThan(50);
        await removePods({ ...bed.at, pod: "n/first" });
      }
    },
    240_000,
  );

  it("that is allowed begins to get through by itself", async () => {
    await settle([denyNew, allowNew]);
    const before = await received();
    const sent = sending("n/first", 1000);
    await add("n/first", nodes(bed)[1] ?? "", { role: "open" });
    await until("packets arrive", async () => (await received()) > before);
    expect((await sent).refused).toBeGreaterThan(0);
    await removePods({ ...bed.at, pod: "n/first" });
  }, 60_000);

  it.each([
    ["its peer's node", "n/new", 0],
    ["the other node", "n/new", 1],
    ["its peer's node, under the old name", "n/old", 0],
    ["the other node, under the old name", "n/old", 1],
  ])(
    "with a used address never has the old identity, on %s",
    async (where, name, node) => {
      await settle([onlyOld]);
      for (let round = 0; round < rounds; round += 1) {
        const start = await received();
        const allowed = sending("n/old", 200);
        await add("n/old", nodes(bed)[round % 2] ?? "", { role: "old" });
        await until("the old pod gets through", async () => (await received()) > start);
        await allowed;
        await closed();
        await bed.settled(await relabel(bed.at));
        // Whatever the nodes are told from now on, they are told late: the new pod comes before it.
        bed.policy.delayMs = policyDelayMs;
        await removePods({ ...bed.at, pod: "n/old" });
        const before = await received();
        const sent = sending(name, 400);
        await add(name, nodes(bed)[node] ?? "", { role: "new" });
        const { refused, sent: count } = await sent;
        bed.policy.delayMs = 0;
        await bed.settled(await relabel(bed.at));
        expect({ round, arrived: (await received()) - before }).toEqual({ round, arrived: 0 });
        expect(refused).toBeGreaterThan(0);
        expect(count).toBeGreaterThan(50);
        await removePods({ ...bed.at, pod: name });
        progress(`on ${where}`, round);
      }
    },
    240_000,
  );
});
