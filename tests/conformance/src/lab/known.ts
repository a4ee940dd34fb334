import { topics } from "@weir/bus";
import type { Bus } from "@weir/bus";
import { workloadCodec } from "@weir/codec";
import type { Workload } from "@weir/codec";
import type { LabFile } from "@weir/identity";
import { namespaceNameLabel, podKey } from "@weir/policy";

type Labels = Record<string, string>;

/** The table of workloads as it stands on the bus, by key. */
export async function followWorkloads(bus: Bus): Promise<Map<string, Workload>> {
  const workloads = new Map<string, Workload>();
  const reader = await bus.readTable({
    topic: topics.workloads.name,
    onRecord: (key, value) => {
      if (value === null) workloads.delete(key);
      else workloads.set(key, workloadCodec.decode(value));
    },
    onError: () => undefined,
  });
  await reader.caughtUp;
  return workloads;
}

/** Whether the published pods are the lab's, all of them as they are now and no others. */
export function isKnown(lab: LabFile, workloads: Map<string, Workload>): boolean {
  const alive = [...workloads.values()].filter((one) => one.kind === "pod" && one.until === null);
  const published = alive.map((one) =>
    summaryOf(
      one.uid,
      podKey(one),
      one.labels,
      named(one.namespace_labels, one.namespace),
      one.ports,
    ),
  );
  const labels = new Map(lab.namespaces.map((one) => [one.name, one.labels]));
  const wanted = lab.pods.map((pod) =>
    summaryOf(
      pod.uid,
      podKey(pod),
      pod.labels,
      named(labels.get(pod.namespace), pod.namespace),
      pod.ports,
    ),
  );
  return published.toSorted().join("\n") === wanted.toSorted().join("\n");
}

function summaryOf(
  uid: string,
  key: string,
  labels: Labels,
  namespaceLabels: Labels,
  ports: readonly { name: string; port: number }[],
): string {
  const names = ports.map(({ name, port }) => `${name} ${port}`);
  return JSON.stringify([uid, key, sorted(labels), sorted(namespaceLabels), names]);
}

function sorted(labels: Labels): string[] {
  return Object.entries(labels)
    .map(([name, value]) => `${name}=${value}`)
    .toSorted();
}

function named(labels: Labels | undefined, namespace: string): Labels {
  return { ...labels, [namespaceNameLabel]: namespace };
}
