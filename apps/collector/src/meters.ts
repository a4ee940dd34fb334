import type { Metrics } from "@weir/runtime";
import type { Parts } from "./parts.ts";
import { readDrops } from "./flow-reader.ts";

/** Brings the station's metrics up to date; call it as often as they are to be fresh. */
export function createMeters(parts: Parts, metrics: Metrics | undefined): () => void {
  if (metrics === undefined) return () => {};
  const { node } = parts.config;
  const kernel = metrics.part("kernel");
  const bus = metrics.part("bus");
  const writer = metrics.part("policy");
  const live = metrics.gauge("flows_live", "Connections in the kernel's map.", ["node"]);
  const pending = metrics.gauge("spool_bytes", "Blocks the bus has not taken yet.", ["node"]);
  const generation = metrics.gauge("policy_generation", "Policy the kernel holds.", ["node"]);
  const since = new Map<string, number>();
  const growth = (name: string, total: number): number => {
    const grown = total - (since.get(name) ?? 0);
    since.set(name, total);
    return grown;
  };
  return () => {
    const { reader, sender, spool, datapath, policy, redirects } = parts;
    const drops = readDrops(datapath);
    kernel.received(growth("received", reader.counters.edges + reader.counters.swept));
    kernel.dropped("ring_full", growth("ring", drops.ringFull));
    kernel.dropped("edge_budget", growth("budget", drops.edgeBudget));
    kernel.dropped("edge_merged", growth("merged", drops.edgeMerged));
    kernel.dropped("edge_taken", growth("taken", drops.edgeTaken));
    kernel.dropped("flow_map_full", growth("map", drops.mapFull));
    kernel.dropped("flow_map_share", growth("share", drops.flowShare));
    kernel.dropped("flow_gone", growth("gone", drops.flowGone));
    kernel.dropped("redirect_peer_gone", growth("peer", drops.peerGone));
    kernel.dropped("redirect_address_refused", growth("address", redirects.counters.refused));
    kernel.dropped("uncounted", growth("uncounted", drops.uncounted));
    kernel.dropped("fragment_map_refused", growth("fragments", drops.fragmentMap));
    bus.sent(growth("sent", sender.counters.sentRecords));
    bus.error("send_retried", growth("retries", sender.counters.retries));
    bus.dropped("spool_full", growth("dropped", spool?.counters.droppedRecords ?? 0));
    bus.dropped("spool_damaged", growth("damaged", spool?.counters.damagedRecords ?? 0));
    writer.sent(growth("policy_entries", policy.counters.entries));
    writer.error("switch", growth("policy_switch", policy.counters.failures));
    writer.error("catch_up", growth("policy_catch_up", policy.counters.catchUpFailures));
    writer.error("interface", growth("policy_interface", policy.counters.interfaceFailures));
    live.set(reader.counters.flowsLive, { node });
    pending.set(spool?.counters.waitingBytes ?? 0, { node });
    generation.set(policy.inForce.generation, { node });
  };
}
