import { topics } from "@weir/bus";
import { CodecError } from "@weir/codec";
import { defineFunction } from "@weir/functions";
import type { FunctionBatch, FunctionContext } from "@weir/functions";
import { FlowWriter, ImplausibleBlock, rowsPerInsert } from "../flow-writer.ts";
import { insertToken } from "../insert-token.ts";
import { Repeats } from "../repeats.ts";
import type { EnricherServices } from "../services.ts";

/** Flow blocks to rows of `flows`, with who each address was at the flow's time. */
export default defineFunction<EnricherServices>({
  name: "enrich-flows",
  input: topics.flows.name,
  outputs: [],
  batch: { maxMessages: 2000, maxBytes: 8 * 1024 * 1024, maxWaitMs: 500 },
  retry: { maxAttempts: 5, firstDelayMs: 100, maxDelayMs: 10_000 },
  start({ store, identity, networks, lateIdentities, metrics }) {
    // Partitions are handled side by side; a writer serves one batch at a time.
    const idle: FlowWriter[] = [];
    const stored = metrics.counter("rows_stored_total", "Rows of flows that the store has.");
    const repeats = new Repeats(store);
    const repeated = metrics.counter("repeated_rows_total", "Rows of flows that came again.");
    const known = metrics.counter("duplicate_inserts_total", "Inserts the store had already.");
    const unknown = metrics.counter(
      "unknown_ends_total",
      "Ends of flows that nobody is known for.",
    );
    return {
      async handle(batch, context) {
        await lateIdentities.wait(batch.messages, context.signal);
        const writer = idle.pop() ?? new FlowWriter(identity, networks);
        const token = insertToken(batch);
        let inserts = 0;
        const isRepeat = repeats.batch();
        const insert = async (): Promise<void> => {
          const { rows, repeatedRows } = writer;
          const number = inserts++;
          const isNew =
            rows > 0 &&
            (await store.insertNative(
              "flows",
              writer.encode(),
              `${token}/${rowsPerInsert}/${number}`,
            ));
          writer.clear();
          if (isNew) stored.inc({}, rows);
          else known.inc();
          const had = repeatedRows + (isNew ? 0 : rows);
          if (had === 0) return;
          repeated.inc({}, had);
          context.log.info({ token, rows: had }, "the store had these rows already");
        };
        try {
          for (const message of batch.messages)
            await add(writer, message, context, { isRepeat, insert });
          if (writer.span > 0) await insert();
          unknown.inc({}, writer.unknownEnds);
        } finally {
          writer.clear();
          writer.unknownEnds = 0;
          idle.push(writer);
        }
      },
    };
  },
});

async function add(
  writer: FlowWriter,
  message: FunctionBatch["messages"][number],
  context: FunctionContext,
  { isRepeat, insert }: { isRepeat: ReturnType<Repeats["batch"]>; insert: () => Promise<void> },
): Promise<void> {
  if (message.value === null)
    return context.deadLetter(message, "a block of flows without a value");
  try {
    await writer.add(message.value, Date.now() * 1000, isRepeat, insert);
  } catch (error) {
    if (!(error instanceof CodecError || error instanceof ImplausibleBlock)) throw error;
    await context.deadLetter(message, error.message);
  }
}
