import { topics } from "@weir/bus";
import { eventCodec } from "@weir/codec";
import { defineFunction } from "@weir/functions";
import { encodeRows, events } from "@weir/store";
import { decodeEach } from "../decode-each.ts";
import { insertToken } from "../insert-token.ts";
import type { EnricherServices } from "../services.ts";

/** What happened and is no flow, to rows of `events`. */
export default defineFunction<EnricherServices>({
  name: "enrich-events",
  input: topics.events.name,
  outputs: [],
  batch: { maxMessages: 1000, maxBytes: 8 * 1024 * 1024, maxWaitMs: 200 },
  retry: { maxAttempts: 5, firstDelayMs: 100, maxDelayMs: 10_000 },
  start({ store }) {
    return {
      async handle(batch, context) {
        const happened = await decodeEach(batch, context, eventCodec);
        if (happened.length === 0) return;
        const rows = happened.map(({ record: { boot_id: bootId, ...event } }) => ({
          ...event,
          bootId,
        }));
        await store.insertNative(events.name, encodeRows(events, rows), insertToken(batch));
      },
    };
  },
});
