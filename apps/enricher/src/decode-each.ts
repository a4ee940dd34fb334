import type { Message } from "@weir/bus";
import { CodecError } from "@weir/codec";
import type { RecordCodec } from "@weir/codec";
import type { FunctionBatch, FunctionContext } from "@weir/functions";

/**
 * The records of a batch with one record per message. What does not decode is set aside with the
 * reason; tombstones (a null value) are passed over, they say nothing new.
 */
export async function decodeEach<Record>(
  batch: FunctionBatch,
  context: FunctionContext,
  codec: RecordCodec<Record>,
): Promise<{ message: Message; record: Record }[]> {
  const decoded: { message: Message; record: Record }[] = [];
  for (const message of batch.messages) {
    if (message.value === null) continue;
    try {
      decoded.push({ message, record: codec.decode(message.value) });
    } catch (error) {
      if (!(error instanceof CodecError)) throw error;
      await context.deadLetter(message, error.message);
    }
  }
  return decoded;
}
