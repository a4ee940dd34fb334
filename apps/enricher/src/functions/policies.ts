import { topics } from "@weir/bus";
import { policySetCodec } from "@weir/codec";
import type { PolicySet } from "@weir/codec";
import { defineFunction } from "@weir/functions";
import { encodeRows, policyRecords } from "@weir/store";
import type { PolicyRow } from "@weir/store";
import { decodeEach } from "../decode-each.ts";
import { insertToken } from "../insert-token.ts";
import type { EnricherServices } from "../services.ts";

/** Every generation of the policy to rows of `policies`: what a flow's generation refers to. */
export default defineFunction<EnricherServices>({
  name: "enrich-policies",
  input: topics.policies.name,
  outputs: [],
  batch: { maxMessages: 100, maxBytes: 8 * 1024 * 1024, maxWaitMs: 200 },
  retry: { maxAttempts: 5, firstDelayMs: 100, maxDelayMs: 10_000 },
  start({ store }) {
    return {
      async handle(batch, context) {
        const sets = await decodeEach(batch, context, policySetCodec);
        const rows = sets.flatMap(({ record }) => policyRows(record));
        if (rows.length === 0) return;
        await store.insertNative(
          policyRecords.name,
          encodeRows(policyRecords, rows),
          insertToken(batch),
        );
      },
    };
  },
});

/** A generation without documents is a row as well: it says that nothing was in force. */
function policyRows(set: PolicySet): PolicyRow[] {
  const { generation, revision, mode, created, documents } = set;
  const whole = { generation, revision, mode, validFrom: created };
  if (documents.length === 0) return [{ ...whole, namespace: "", name: "", text: "" }];
  return documents.map((document) => ({ ...whole, ...document }));
}
