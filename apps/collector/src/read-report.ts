import type { NodeReport } from "@weir/codec";
import { version } from "@weir/runtime";
import type { Parts } from "./parts.ts";
import { readDrops } from "./flow-reader.ts";
import { lossesOf } from "./losses.ts";
import { limitedMode } from "./policy-mode.ts";

/** The node as weir.nodes.v1 tells it. */
export function readNodeReport(parts: Parts): NodeReport {
  const { config, attachments, sender, reader, policy, datapath } = parts;
  const { generation, revision, mode, epoch } = policy.inForce;
  const drops = readDrops(datapath);
  const { interfaces } = attachments;
  const odometers = parts.odometers.read(interfaces);
  return {
    node: config.node,
    boot_id: parts.bootId,
    time: Date.now() * 1000,
    version,
    generation,
    revision,
    mode: limitedMode(mode, config.modeLimit),
    error: parts.policyError ?? unwatchedText(attachments.unwatched),
    attached: interfaces.map((one) =>
      one.own ? one.name : `${one.name} (${one.namespace}/${one.pod})`,
    ),
    hooks: parts.hooks,
    blocks: sender.counters.blocks,
    produced: sender.counters.records,
    lost: lossesOf(drops, parts.journal.lost),
    counters: {
      interfaces_unwatched: attachments.unwatched.length,
      // What the ledger holds stored rows against; with `blocks` it tells one process from the next.
      last_block: sender.counters.lastBlock,
      flows_live: reader.counters.flowsLive,
      flows_created: drops.flowsCreated,
      flows_deleted: drops.flowsDeleted,
      flows_max: datapath.map("flows").maxEntries,
      fragments_forgotten: drops.fragmentMap,
      ring_full: drops.ringFull,
      edges_over_budget: drops.edgeBudget,
      edges_merged: drops.edgeMerged,
      edges_taken: drops.edgeTaken,
      packets_at_deletion: drops.flowGone,
      redirect_addresses: parts.redirects.counters.addresses,
      redirect_addresses_refused: parts.redirects.counters.refused,
      redirect_peer_gone: drops.peerGone,
      packets_uncounted: drops.uncounted,
      ...parts.knowledge.counters(),
      edges: reader.counters.edges,
      swept: reader.counters.swept,
      sweep_ms: reader.counters.sweepMs,
      drain_gap_ms: reader.counters.drainGapMs,
      reads_postponed: reader.counters.postponed,
      bus_retries: sender.counters.retries,
      bus_away_ms: sender.counters.awayMs,
      bus_catch_up_ms: sender.counters.catchUpMs,
      blocks_earlier: sender.counters.earlierBlocks,
      records_recovered: reader.counters.recovered,
      spool_waiting_blocks: parts.spool?.counters.waitingBlocks ?? 0,
      spool_waiting_records: parts.spool?.counters.waitingRecords ?? 0,
      spool_waiting_bytes: parts.spool?.counters.waitingBytes ?? 0,
      spool_dropped_blocks: parts.spool?.counters.droppedBlocks ?? 0,
      spool_damaged_blocks: parts.spool?.counters.damagedBlocks ?? 0,
      spool_refused: sender.counters.refusedByDisk,
      policy_epoch: epoch,
      policy_switches: policy.counters.switches,
      policy_entries_written: policy.counters.entries,
      policy_failures: policy.counters.failures,
      policy_catch_up_failures: policy.counters.catchUpFailures,
      policy_interface_failures: policy.counters.interfaceFailures,
      policy_write_us: policy.counters.writeUs,
      policy_switch_us: policy.counters.switchUs,
      policy_catch_up_us: policy.counters.catchUpUs,
      denied_packets: odometers.reduce((sum, one) => sum + one.denied_packets, 0),
    },
    odometers,
  };
}

/** The first few: a report has to stay small. */
function unwatchedText(unwatched: string[]): string | null {
  if (unwatched.length === 0) return null;
  const first = unwatched.slice(0, 3).join("; ");
  return `no policy is enforced at ${unwatched.length} interfaces, which take no program: ${first}; trying again`;
}
