import { topics } from "@weir/bus";
import { deadLetterCodec } from "@weir/codec";
import { defineFunction } from "@weir/functions";
import { deadLetters, encodeRows } from "@weir/store";
import { decodeEach } from "../decode-each.ts";
import { insertToken } from "../insert-token.ts";
import type { EnricherServices } from "../services.ts";

/** Messages that a function could not take, to rows of `dead_letters`. */
export default defineFunction<EnricherServices>({
  name: "enrich-dead-letters",
  input: topics.deadLetters.name,
  outputs: [],
  batch: { maxMessages: 500, maxBytes: 8 * 1024 * 1024, maxWaitMs: 200 },
  retry: { maxAttempts: 5, firstDelayMs: 100, maxDelayMs: 10_000 },
  start({ store }) {
    return {
      async handle(batch, context) {
        const letters = await decodeEach(batch, context, deadLetterCodec);
        if (letters.length === 0) return;
        const rows = letters.map(({ record }) => record);
        await store.insertNative(
          deadLetters.name,
          encodeRows(deadLetters, rows),
          insertToken(batch),
        );
      },
    };
  },
});
