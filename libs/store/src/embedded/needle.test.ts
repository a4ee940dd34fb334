import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { flowsQuery, parseFilter } from "@weir/query";
import { temporaryDirectory } from "../testing/temporary.ts";
import { type EmbeddedStore, openEmbeddedStore } from "./embedded-store.ts";

// What one address did, where every granule of every day has a row of it.

const days = 4;
const rowsPerDay = 250_000;
const now = Math.floor(Date.now() / 1000) * 1_000_000;
let folder: Awaited<ReturnType<typeof temporaryDirectory>>;
let store: EmbeddedStore;

beforeAll(async () => {
  folder = await temporaryDirectory();
  store = await openEmbeddedStore({ directory: folder.path });
  await store.migrate();
  await store.command(`INSERT INTO flows (time, src_addr, src_workload)
SELECT fromUnixTimestamp64Micro(${now} - number * intDiv(86400000000, ${rowsPerDay})) AS time,
    toIPv6(if(number % 5000 = 0, '10.9.9.9', '10.1.1.1')), toString(number % 100)
FROM numbers(${days * rowsPerDay})
SETTINGS max_insert_block_size = ${days * rowsPerDay}, min_insert_block_size_rows = ${days * rowsPerDay}`);
  await store.command("OPTIMIZE TABLE flows FINAL");
});

afterAll(async () => {
  await store.close();
  await folder[Symbol.asyncDispose]();
});

/** By all of the engine, which does nothing else meanwhile. */
async function rowsReadBy(work: () => Promise<unknown>): Promise<number> {
  const rows = async (): Promise<number> => {
    const [found] = await store.query<{ value: number }>(
      "SELECT value FROM system.events WHERE event = 'SelectedRows'",
    );
    return found?.value ?? 0;
  };
  const before = await rows();
  await work();
  return (await rows()) - before;
}

describe("the newest rows of an address", () => {
  it("are read without going through every older part", async () => {
    const filter = parseFilter("ip = 10.9.9.9", now / 1000);
    const question = flowsQuery({ since: now - days * 86_400_000_000, filter, limit: 5 });
    const parameters = question.parameters;
    const answer = await store.query<{ time: string }>(question.sql, { parameters });
    expect(answer).toHaveLength(5);
    const read = await rowsReadBy(() => store.run({ sql: question.sql, parameters }));
    expect(read).toBeGreaterThan(0);
    expect(read).toBeLessThan((days * rowsPerDay) / 4);
    const settings = { read_in_order_use_buffering: 1 };
    const ahead = await rowsReadBy(() => store.run({ sql: question.sql, parameters, settings }));
    expect(ahead).toBeGreaterThan(2 * read);
  });
});
