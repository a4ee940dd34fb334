import type { LabService } from "@weir/identity";
import type { PlannedPod } from "./plan.ts";
import type { Upstream } from "./workload/spec.ts";

/** What a service tells pods by, and their named ports. */
type Behind = Pick<PlannedPod, "namespace" | "labels" | "ports">;

/** `host:port`, with or without a scheme in front and a path behind. */
const ADDRESS = /^(?:[a-z][a-z0-9+.-]*:\/\/)?(\[[0-9a-f:.]+\]|[a-z0-9._-]+):(\d{1,5})(?:\/.*)?$/i;

/**
 * What a pod's `*_ADDR` variables point to. A Service's port is translated to its target port here,
 * since nothing on the way does: the lab has no kube-proxy, names lead to the pods themselves.
 */
export function upstreamsOf(pod: PlannedPod, services: LabService[], pods: Behind[]): Upstream[] {
  return Object.entries(pod.env).flatMap(([name, value]) => {
    const [, host, port] = (name.endsWith("_ADDR") ? ADDRESS.exec(value) : null) ?? [];
    if (host === undefined || port === undefined) return [];
    const plain = host.replace(/^\[|\]$/g, "");
    const service = services.find((one) => isNamed(one, plain, pod.namespace));
    const found = service?.ports.find((one) => one.port === Number(port));
    const target = found === undefined ? Number(port) : targetPort(found.targetPort, service, pods);
    return [
      {
        name,
        host: plain,
        port: target ?? Number(port),
        protocol: found?.protocol === "UDP" ? "UDP" : "TCP",
      },
    ];
  });
}

/** Values of `*_ADDR` variables that name no host and port, for a note. */
export function unreadableAddresses(pod: PlannedPod): string[] {
  return Object.entries(pod.env)
    .filter(([name, value]) => name.endsWith("_ADDR") && !ADDRESS.test(value))
    .map(([name]) => name);
}

/** Pods that a service stands for. */
export function podsOf<T extends { namespace: string; labels: Record<string, string> }>(
  service: LabService,
  pods: T[],
): T[] {
  const wanted = Object.entries(service.selector);
  if (wanted.length === 0) return [];
  return pods.filter(
    (pod) =>
      pod.namespace === service.namespace &&
      wanted.every(([key, value]) => pod.labels[key] === value),
  );
}

function isNamed(service: LabService, host: string, namespace: string): boolean {
  const { name, namespace: own } = service;
  const names = [`${name}.${own}`, `${name}.${own}.svc`, `${name}.${own}.svc.cluster.local`];
  return (host === name && own === namespace) || names.includes(host.replace(/\.$/, ""));
}

function targetPort(target: number | string, service: LabService | undefined, pods: Behind[]) {
  if (typeof target === "number" || service === undefined) return Number(target);
  const ports = podsOf(service, pods).flatMap((pod) => pod.ports);
  return ports.find((port) => port.name === target)?.port;
}
