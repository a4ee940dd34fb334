import { createWriteStream, mkdirSync, renameSync, statSync } from "node:fs";
import { join } from "node:path";
import { type Log, createLog } from "@weir/runtime";

/** Beyond this the file of the run before is put aside, and the one before that is gone. */
const maxBytes = 16 << 20;

/** The log of `weir up` as JSON lines in the data directory, so that the screen stays with flows. */
export function openLogFile(data: string): { log: Log; path: string } {
  mkdirSync(data, { recursive: true, mode: 0o750 });
  const path = join(data, "weir.log");
  if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) > maxBytes) {
    renameSync(path, `${path}.1`);
  }
  const destination = createWriteStream(path, { flags: "a", mode: 0o640 });
  // A full disk must not stop what enforces policy.
  destination.on("error", () => undefined);
  return { log: createLog({ name: "up", level: "info", destination, pretty: false }), path };
}
