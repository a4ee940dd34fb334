import type { Bed, BedPod } from "./bed.ts";

/** What the kernel's own stack in a pod counted: /proc/net/snmp, e.g. TcpOutSegs. */
export async function podCounters(bed: Bed, pod: BedPod): Promise<Record<string, number>> {
  const { stdout } = await bed.inPod(pod, "cat", "/proc/self/net/snmp");
  const lines = stdout.trim().split("\n");
  const counters: Record<string, number> = {};
  for (let at = 0; at + 1 < lines.length; at += 2) {
    const [group = "", ...names] = (lines[at] ?? "").split(/\s+/);
    const values = (lines[at + 1] ?? "").split(/\s+/).slice(1);
    for (const [index, name] of names.entries()) {
      counters[group.slice(0, -1) + name] = Number(values[index]);
    }
  }
  return counters;
}

/** Packets that the node's end of the pod's veth has sent, all of which went through the node's stack. */
export async function sentToPod(bed: Bed, pod: BedPod): Promise<number> {
  const { stdout } = await bed.inNode("ip", "-s", "-j", "link", "show", "dev", pod.interface);
  const [link] = JSON.parse(stdout) as [{ stats64: { tx: { packets: number } } }];
  return link.stats64.tx.packets;
}
