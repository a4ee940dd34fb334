import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "@jest/globals";
import { createMemoryBus, topics } from "@weir/bus";
import type { OutgoingMessage } from "@weir/bus";
import { loadConfig, silentLog } from "@weir/runtime";
import { backupEmbeddedStore, openEmbeddedStore, restoreEmbeddedStore } from "@weir/store";
import type { Store } from "@weir/store";
import { enricherConfig } from "./config.ts";
import { startEnricher } from "./enricher.ts";
import { block, flow } from "./testing/messages.ts";

const home = mkdtempSync(join(tmpdir(), "weir-restored-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));

const config = loadConfig(enricherConfig, {
  overrides: {
    ...{ functions: ["flows"], batch: { maxWaitMs: 20 } },
    identity: { headStartMs: 0, windowMs: 0 },
  },
});

/** What the store has when all of it went through a bus of its own. */
async function enriched(store: Store, messages: OutgoingMessage[]): Promise<unknown> {
  const bus = createMemoryBus();
  await bus.ensureTopics(Object.values(topics));
  const enricher = await startEnricher(config, { bus, store, log: silentLog() });
  try {
    await bus.send(topics.flows.name, messages);
    expect(await enricher.drain(20_000)).toBe(true);
  } finally {
    await enricher.stop();
    await bus.close();
  }
  const [found] = await store.query(`SELECT
    (SELECT count() FROM flows) AS flows, (SELECT sum(rows) FROM edges_1m) AS minutes,
    (SELECT sum(rows) FROM edges_1h) AS hours, (SELECT sum(rows) FROM edges_1d) AS days`);
  return found;
}

it("adds nothing to a restored store that its backup had, though tokens are in no backup", async () => {
  const flows = (count: number) =>
    Array.from({ length: count }, () => flow("10.0.0.1", "10.0.0.2"));
  const sent = [block(1, flows(3)), block(2, flows(5)), block(3, flows(2))];
  const [directory, folder, again] = [join(home, "data"), join(home, "copy"), join(home, "again")];
  {
    await using store = await openEmbeddedStore({ directory });
    await store.migrate();
    expect(await enriched(store, sent)).toEqual({ flows: 10, minutes: 10, hours: 10, days: 10 });
  }
  await backupEmbeddedStore({ directory, folder });
  await restoreEmbeddedStore({ directory: again, folder });
  await using store = await openEmbeddedStore({ directory: again });
  await store.migrate();
  // At other offsets as well: not even the names of their inserts are the same.
  const repeated = [...sent, block(4, flows(7)), ...sent];
  expect(await enriched(store, repeated)).toEqual({ flows: 17, minutes: 17, hours: 17, days: 17 });
}, 60_000);
