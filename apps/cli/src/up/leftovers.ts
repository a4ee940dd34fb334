import { collectorConfig, removeCollector } from "@weir/collector";
import { labDown } from "@weir/lab";
import type { Log } from "@weir/runtime";
import type { UpNotes } from "./notes.ts";

/** Clears what an earlier `weir up` that was killed has left: labs, programs, pins. */
export async function clearLeftovers(
  notes: UpNotes,
  runDirectory: string,
  log: Log,
  say: (text: string) => void,
): Promise<void> {
  say("an earlier weir up was killed; clearing what it left");
  // The programs first: they are attached to interfaces of the lab's nodes.
  for (const node of notes.nodes) {
    const config = collectorConfig.parse({ node, runDirectory });
    if (await removeCollector(config, log)) say(`  programs and maps of ${node}`);
  }
  for (const name of notes.labs) {
    if (await labDown({ name, runDirectory })) say(`  lab ${name}`);
  }
}
