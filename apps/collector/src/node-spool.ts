import { existsSync, readdirSync, rmdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { BusError, openSpool, removeSpool, spoolDefaults } from "@weir/bus";
import type { Spool } from "@weir/bus";
import type { Log } from "@weir/runtime";
import { machineRunDirectory } from "./config.ts";
import type { CollectorConfig } from "./config.ts";

type SpoolPlace = Pick<CollectorConfig, "node" | "runDirectory" | "spoolDirectory">;

export function spoolDirectoryOf(config: SpoolPlace): string {
  return join(config.spoolDirectory ?? defaultDirectory(config.runDirectory), config.node);
}

/** On disk, so that blocks outlast a reboot. A trial's own run directory keeps them with it. */
function defaultDirectory(runDirectory: string): string {
  if (runDirectory !== machineRunDirectory) return join(runDirectory, "spool");
  const state = process.env["XDG_STATE_HOME"];
  return join(state?.startsWith("/") ? state : "/var/lib", "weir", "spool");
}

/** Undefined where the disk gives none: blocks then go to the bus from memory, one by one. */
export async function openNodeSpool(config: CollectorConfig, log: Log): Promise<Spool | undefined> {
  const directory = spoolDirectoryOf(config);
  try {
    const spool = await openSpool({
      directory,
      maxBytes: config.spoolMaxBytes,
      segmentBytes: Math.min(spoolDefaults.segmentBytes, config.spoolMaxBytes / 4),
      sync: config.spoolSync,
      syncIntervalMs: config.spoolSyncIntervalMs,
      onTrouble: (error, what) => log.error({ error }, what),
    });
    const { waitingBlocks, tornBytes } = spool.counters;
    if (waitingBlocks > 0) log.info({ waitingBlocks, tornBytes }, "blocks wait in the spool");
    return spool;
  } catch (error) {
    // Another process has it: what waits there must not be passed by.
    if (error instanceof BusError) throw error;
    log.error({ error, directory }, "no spool: while the bus is away, two blocks are kept");
    return undefined;
  }
}

/** Takes the node's spool away, but not blocks that the bus has not taken. */
export async function removeNodeSpool(config: SpoolPlace, log: Log): Promise<void> {
  const directory = spoolDirectoryOf(config);
  try {
    if (await removeSpool(directory)) {
      if (config.spoolDirectory === undefined) removeEmpty(dirname(directory), config.runDirectory);
      return;
    }
    log.warn({ directory }, "the spool holds blocks that the bus has not taken; it stays");
  } catch (error) {
    log.warn({ error, directory }, "the spool could not be removed");
  }
}

/** The folder is shared by the nodes of this machine, the one above it with others of weir. */
function removeEmpty(spools: string, runDirectory: string): void {
  for (const folder of [spools, dirname(spools)]) {
    if (folder === runDirectory || !existsSync(folder)) return;
    if (readdirSync(folder).length > 0) return;
    rmdirSync(folder);
  }
}

/** Blocks a second, never reached: what a boot's numbers are apart from those before. */
const blocksPerSecond = 2 ** 20;

/**
 * Where fresh maps begin to number. Maps of this boot that were removed had numbers too, and a
 * number that comes again would be taken for a repeat: the spool knows the last one, else the time
 * since the boot is larger than any of them.
 */
export function firstNumber(
  spool: Spool | undefined,
  bootId: string,
  lastBlock: number,
  monotonicNs: bigint,
): number {
  const spooled = spool?.last.stream === bootId ? spool.last.number : 0;
  return Math.max(spooled, lastBlock) || Number(monotonicNs / 1_000_000_000n) * blocksPerSecond;
}
