import { topics } from "@weir/bus";
import { workloadCodec } from "@weir/codec";
import { defineFunction } from "@weir/functions";
import { encodeRows, workloadRecords } from "@weir/store";
import { decodeEach } from "../decode-each.ts";
import { insertToken } from "../insert-token.ts";
import type { EnricherServices } from "../services.ts";

/** Workloads, their ends included, to rows of `workloads`. */
export default defineFunction<EnricherServices>({
  name: "enrich-workloads",
  input: topics.workloads.name,
  outputs: [],
  batch: { maxMessages: 5000, maxBytes: 8 * 1024 * 1024, maxWaitMs: 200 },
  retry: { maxAttempts: 5, firstDelayMs: 100, maxDelayMs: 10_000 },
  start({ store }) {
    return {
      async handle(batch, context) {
        const records = await decodeEach(batch, context, workloadCodec);
        const rows = records.map(({ record, message }) => ({
          ...record,
          recorded: Math.round(message.timestampMs * 1000),
        }));
        if (rows.length === 0) return;
        const block = encodeRows(workloadRecords, rows);
        await store.insertNative(workloadRecords.name, block, insertToken(batch));
      },
    };
  },
});
