import { join } from "node:path";
import { createLifecycle, createLog } from "@weir/runtime";
import { startEmbeddedHttpDoor } from "@weir/store";
import { dataDirectory } from "../data-directory.ts";

/** `weir store`: the embedded engine behind ClickHouse's HTTP interface, until SIGTERM. */
export async function store(options: { data?: string; listen: string }): Promise<void> {
  const log = createLog({ name: "store" });
  const life = createLifecycle({ log });
  life.handleSignals();
  const directory = options.data ?? join(dataDirectory(undefined), "store");
  const door = await startEmbeddedHttpDoor({ directory }, { listen: options.listen });
  life.onStop("store", () => door.close());
  log.info({ url: door.url, directory }, "running");
  await life.stopped;
}
