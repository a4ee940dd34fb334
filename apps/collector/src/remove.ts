import { existsSync } from "node:fs";
import { join } from "node:path";
import type { RunState } from "@weir/identity";
import { watchRunDirectory } from "@weir/identity";
import type { Log } from "@weir/runtime";
import { BpfMap, BpfProgram, Link } from "libbpf-ts";
import type { CollectorConfig } from "./config.ts";
import { removeFilter, removePinnedLink } from "./hook.ts";
import { removeNodeSpool } from "./node-spool.ts";
import { createPins, pinDirectoryOf } from "./pins.ts";
import type { Pins } from "./pins.ts";
import { takeStationLock } from "./station-lock.ts";

/**
 * Takes away what a collector left in place: programs, maps, links, pins. From then on nothing is
 * enforced at the node. Throws NodeTaken while a collector runs. Returns whether there was anything.
 */
export async function removeCollector(
  config: Pick<CollectorConfig, "node" | "pinDirectory" | "runDirectory" | "spoolDirectory">,
  log: Log,
): Promise<boolean> {
  const root = pinDirectoryOf(config);
  using _lock = await takeStationLock(root);
  if (!existsSync(root)) return false;
  const pins = createPins(root);
  const links = pins.links();
  for (const { path } of links) removePinnedLink(Link.openPinned(path), path);
  const linked = new Set(links.map((one) => one.ifindex));
  const filters = removeFilters(pins, linked, await nodeNetns(config), log);
  pins.removeAll();
  await removeNodeSpool(config, log);
  log.info({ node: config.node, links: links.length, filters }, "removed");
  return true;
}

/** clsact filters have no pins: the endpoints without a link have one. */
function removeFilters(
  pins: Pins,
  linked: Set<number>,
  netns: string | undefined,
  log: Log,
): number {
  const path = pins.program("from_workload");
  const bare = endpointsOf(pins).filter((ifindex) => !linked.has(ifindex));
  if (bare.length === 0 || !existsSync(path)) return 0;
  using program = BpfProgram.openPinned(path);
  let removed = 0;
  for (const ifindex of bare) {
    for (const direction of ["ingress", "egress"] as const) {
      const place = { ifindex, direction, ...(netns === undefined ? {} : { netns }) };
      try {
        removeFilter(program, place);
        removed++;
      } catch (error) {
        log.debug({ error, ifindex }, "the interface is gone, and its filters with it");
      }
    }
  }
  return removed;
}

function endpointsOf(pins: Pins): number[] {
  const found = new Set<number>();
  for (const layout of pins.layouts()) {
    const path = join(pins.maps(layout), "endpoints");
    if (!existsSync(path)) continue;
    using map = BpfMap.openPinned(path);
    for (const [key] of map.entries())
      found.add(new DataView(key.buffer, key.byteOffset).getUint32(0, true));
  }
  return [...found];
}

async function nodeNetns(
  config: Pick<CollectorConfig, "node" | "runDirectory">,
): Promise<string | undefined> {
  let state: RunState = { nodes: [], endpoints: [] };
  const watch = watchRunDirectory(
    config.runDirectory,
    { onState: (seen) => (state = seen), onError: () => {} },
    { node: config.node },
  );
  await watch.ready;
  await watch.close();
  return state.nodes.find((one) => one.node === config.node)?.netns;
}
