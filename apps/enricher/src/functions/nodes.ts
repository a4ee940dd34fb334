import { topics } from "@weir/bus";
import { nodeReportCodec } from "@weir/codec";
import { defineFunction } from "@weir/functions";
import { encodeRows, ledger, odometerRows, odometers } from "@weir/store";
import { decodeEach } from "../decode-each.ts";
import { insertToken } from "../insert-token.ts";
import type { EnricherServices } from "../services.ts";

/** Reports of the collectors to rows of `ledger` and `odometers`: what was produced, what lost. */
export default defineFunction<EnricherServices>({
  name: "enrich-nodes",
  input: topics.nodes.name,
  outputs: [],
  batch: { maxMessages: 2000, maxBytes: 8 * 1024 * 1024, maxWaitMs: 1000 },
  retry: { maxAttempts: 5, firstDelayMs: 100, maxDelayMs: 10_000 },
  start({ store }) {
    return {
      async handle(batch, context) {
        const reports = (await decodeEach(batch, context, nodeReportCodec)).map(
          ({ record }) => record,
        );
        if (reports.length === 0) return;
        const token = insertToken(batch);
        const interfaces = reports.flatMap((report) => odometerRows(report));
        if (interfaces.length > 0) {
          await store.insertNative(odometers.name, encodeRows(odometers, interfaces), token);
        }
        await store.insertNative(ledger.name, encodeRows(ledger, reports), token);
      },
    };
  },
});
