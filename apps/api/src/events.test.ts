import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { topics } from "@weir/bus";
import { type Event, eventCodec } from "@weir/codec";
import type { Completeness, EventLine } from "./answers.ts";
import { type Bed, openBed } from "./testing.ts";

let bed: Bed;
const base = Math.floor(Date.now() / 1000) * 1000 - 60_000;
const iso = (ms: number): string => new Date(base + ms).toISOString();

beforeAll(async () => {
  bed = await openBed({ follow: { settleMs: 0, maxResumedFlows: 3, maxQueuedFlows: 16 } });
  // Ten, two of them in each millisecond.
  await bed.store.command(`INSERT INTO events (time, node, boot_id, kind, namespace, text, fields)
    SELECT fromUnixTimestamp64Milli(${base} + intDiv(number, 2)), 'n1', '', if(number < 3, 'policy-refused', 'policy-error'),
      if(number = 5, 'shop', ''), toString(number), if(number = 5, map('a', 'b'), map()) FROM numbers(10)`);
});
afterAll(async () => {
  await bed[Symbol.asyncDispose]();
});

const ask = (query: Record<string, string>): Promise<Response> =>
  bed.get(`/v1/events?${new URLSearchParams({ since: "1h", ...query }).toString()}`);
const rows = async (response: Response): Promise<EventLine[]> =>
  (await response.text())
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as EventLine);
const verdict = (response: Response): Completeness =>
  JSON.parse(response.headers.get("weir-completeness") ?? "") as Completeness;

describe("stored events", () => {
  it("are those asked for, the oldest first", async () => {
    const all = await rows(await ask({}));
    expect(all.map(({ text }) => Math.floor(Number(text) / 2))).toEqual(
      Array.from({ length: 10 }, (_, at) => Math.floor(at / 2)),
    );
    expect(new Set(all.map(({ text }) => text)).size).toBe(10);
    expect(await rows(await ask({ kind: "policy-refused" }))).toHaveLength(3);
    expect(await rows(await ask({ node: "n2" }))).toEqual([]);
    expect(await rows(await ask({ namespace: "shop" }))).toEqual([
      {
        ...{ time: iso(2).replace("Z", "000Z"), kind: "policy-error", node: "n1" },
        ...{ namespace: "shop", text: "5", fields: { a: "b" } },
      },
    ]);
    expect(await rows(await ask({ since: iso(1), until: iso(3) }))).toHaveLength(4);
    for (const wrong of [{ since: "yesterday" }, { limit: "0" }, { cursor: "x" }] as const)
      expect((await ask(wrong)).status).toBe(400);
  });

  it("come in pages, also within one microsecond", async () => {
    const seen: string[] = [];
    let cursor: string | null = null;
    for (let page = 0; page < 4; page++) {
      const range = { since: iso(0), until: iso(10), limit: "3" };
      const response = await ask({ ...range, ...(cursor === null ? {} : { cursor }) });
      seen.push(...(await rows(response)).map(({ text }) => text).reverse());
      cursor = response.headers.get("weir-next");
      expect(cursor === null).toBe(page === 3);
    }
    expect(seen.toSorted()).toEqual(Array.from({ length: 10 }, (_, at) => String(at)));
  });

  it("say what is known of their completeness: those that were refused", async () => {
    expect(verdict(await ask({}))).toMatchObject({
      verdict: "unknown",
      because: expect.stringContaining("no numbers"),
    });
    // The second is the same letter, written again.
    await bed.store
      .command(`INSERT INTO dead_letters (time, topic, partition, offset, function, reason)
      SELECT now64(6) - number, '${topics.events.name}', 0, 7, 'enrich-events', 'not Avro' FROM numbers(2)`);
    expect(verdict(await ask({}))).toMatchObject({
      verdict: "incomplete",
      lost: { dead_letter: 1 },
    });
    expect(verdict(await ask({ until: "30m" })).verdict).toBe("unknown");
    // Told of twice by their source: too many at once, a minute before it could say so.
    await bed.store.command(`INSERT INTO events (time, kind, text, fields)
      SELECT now64(6), 'events-left-out', '', map('count', toString(30 + number), 'since', formatDateTime(now('UTC') - 2400, '%Y-%m-%dT%H:%i:%S.000Z'))
      FROM numbers(2)`);
    expect(verdict(await ask({})).lost).toEqual({ dead_letter: 1, not_sent: 61 });
    expect(verdict(await ask({ until: "30m" }))).toMatchObject({
      verdict: "incomplete",
      lost: { not_sent: 61 },
    });
    expect(verdict(await ask({ until: "50m" })).verdict).toBe("unknown");
    await bed.store.command(
      "ALTER TABLE events DELETE WHERE kind = 'events-left-out' SETTINGS mutations_sync = 1",
    );
  });
});

describe("the tail of events", () => {
  const event = (text: string, more: Partial<Event> = {}): Event => ({
    ...{ time: base * 1000 + 123, node: "", boot_id: "b", kind: "policy-error", namespace: "" },
    ...{ workload: "", pod: "", text, fields: {} },
    ...more,
  });
  const send = (...events: Event[]): Promise<void> =>
    bed.bus.send(
      topics.events.name,
      events.map((one) => ({ key: one.kind, value: eventCodec.encode(one) })),
    );
  /** Until there are `count` of them; `onListening` when the tail is open. */
  const tail = async (
    query: string,
    headers: Record<string, string>,
    count: number,
    onListening: () => Promise<void> = async () => undefined,
  ): Promise<string[]> => {
    const client = new AbortController();
    const { signal } = client;
    const response = await fetch(`${bed.api.url}/v1/events/follow${query}`, { headers, signal });
    await onListening();
    const found: string[] = [];
    let text = "";
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
      text += Buffer.from(chunk).toString("utf8");
      const blocks = text.split("\n\n");
      text = blocks.pop() ?? "";
      found.push(...blocks.filter((one) => !one.startsWith(":")));
      if (found.length >= count) break;
    }
    client.abort();
    return found;
  };
  const textOf = (block: string): string =>
    (JSON.parse(/^data: (.*)$/m.exec(block)?.[1] ?? "{}") as EventLine).text;

  it("shows what happens, as it is asked for; what cannot be read does not end it", async () => {
    const [first] = await tail("?namespace=shop", {}, 1, async () => {
      await bed.bus.send(topics.events.name, [{ key: "x", value: new Uint8Array([1, 2]) }]);
      await send(event("elsewhere"), event("here", { namespace: "shop" }));
    });
    expect(first).toBe(
      `id: ${base * 1000 + 123}\ndata: ${JSON.stringify({
        ...{ time: iso(0).replace("Z", "123Z"), kind: "policy-error" },
        ...{ bootId: "b", namespace: "shop", text: "here" },
      })}`,
    );
  });

  it("goes on from the id of the last event, and counts what is left out", async () => {
    const [missed, ...rest] = await tail("", { "last-event-id": String(base * 1000) }, 4);
    expect(missed).toBe("event: missed\ndata: 7");
    // Of the two of one time, the order among them decides.
    expect(rest.map(textOf)).toEqual(["6", "9", "8"]);
    const last = /^id: (\d+)/.exec(rest.at(-1) ?? "")?.[1] ?? "";
    const again = await tail("", { "last-event-id": last }, 2);
    expect(again.map(textOf)).toEqual(["9", "8"]);
  });

  it("tells a client that reads slowly how many it did not get", async () => {
    const client = new AbortController();
    const { signal } = client;
    const response = await fetch(`${bed.api.url}/v1/events/follow?kind=flood`, { signal });
    const events = Array.from({ length: 3000 }, (_, at) =>
      event(`${at} ${"x".repeat(2000)}`, { kind: "flood" }),
    );
    // More than the connection, the stream and the queue of 16 hold, before anything is read.
    for (let at = 0; at < events.length; at += 100) {
      await send(...events.slice(at, at + 100));
      await new Promise((next) => setImmediate(next));
    }
    await send(event("last", { kind: "flood" }));
    let [text, got, missed] = ["", 0, 0];
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
      text += Buffer.from(chunk).toString("utf8");
      const blocks = text.split("\n\n");
      text = blocks.pop() ?? "";
      for (const block of blocks) {
        const [, count] = /^event: missed\ndata: (\d+)/.exec(block) ?? [];
        if (count !== undefined) missed += Number(count);
        else if (block.startsWith("id: ")) got++;
      }
      if (blocks.some((block) => block.includes('"last"'))) break;
    }
    client.abort();
    expect(missed).toBeGreaterThan(0);
    expect(got + missed).toBe(events.length + 1);
  });
});
