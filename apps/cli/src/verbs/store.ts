import { existsSync } from "node:fs";
import { join } from "node:path";
import { createLifecycle, createLog } from "@weir/runtime";
import {
  backupEmbeddedStore,
  restoreEmbeddedStore,
  startEmbeddedHttpDoor,
  StoreError,
} from "@weir/store";
import { CommandError } from "../exit.ts";
import { dataDirectory } from "../data-directory.ts";

/** `weir store`: the embedded engine behind ClickHouse's HTTP interface, until SIGTERM. */
export async function store(options: { data?: string; listen: string }): Promise<void> {
  const log = createLog({ name: "store" });
  const life = createLifecycle({ log });
  life.handleSignals();
  const directory = tablesOf(options.data);
  const door = await startEmbeddedHttpDoor({ directory }, { listen: options.listen });
  life.onStop("store", () => door.close());
  log.info({ url: door.url, directory }, "running");
  await life.stopped;
}

/** `weir up` keeps its tables in a folder of its data directory: either may be given. */
function tablesOf(given: string | undefined): string {
  if (given === undefined) return join(dataDirectory(undefined), "store");
  const within = join(given, "store");
  return existsSync(join(within, "data")) ? within : given;
}

/** `weir store backup DIR` and `weir store restore DIR`. */
export async function storeCopy(
  verb: "backup" | "restore",
  folder: string,
  options: { data?: string },
): Promise<void> {
  const directory = tablesOf(options.data);
  const onProgress = (step: string) => process.stderr.write(`${step}\n`);
  const copy = verb === "backup" ? backupEmbeddedStore : restoreEmbeddedStore;
  try {
    await copy({ directory, folder, onProgress });
  } catch (cause) {
    if (!(cause instanceof StoreError && cause.kind === "locked")) throw cause;
    throw new CommandError(`${cause.message}. For a ${verb} no process may have it`, undefined, {
      cause,
    });
  }
  process.stderr.write(
    verb === "backup"
      ? `backed up to ${folder}\n`
      : `restored into ${directory}; weir up --data DIR looks in DIR/store\n`,
  );
}
