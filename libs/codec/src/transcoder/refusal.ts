import type { ByteReader } from "../byte-reader.ts";
import type { CodecError } from "../error.ts";
import type { FieldPlan } from "./plan.ts";

/**
 * Why the record at `reader.at` was refused. The generated decoder only says that it was; here it is
 * read again, field by field, to name the one and its byte. `listed`: how many values there are.
 */
export function refusal(
  reader: ByteReader,
  plans: readonly FieldPlan[],
  listed: { addresses: number },
): CodecError {
  const start = reader.at;
  try {
    for (const plan of plans) readField(reader, plan, listed);
  } catch (error) {
    return error as CodecError;
  }
  reader.at = start;
  return reader.error("flows", "times or sequences add up to less than 0 or more than 2^53");
}

function readField(
  reader: ByteReader,
  { name, type, bytes, most }: FieldPlan,
  { addresses }: { addresses: number },
): void {
  if (type === "fixed") reader.bytes(name, bytes);
  else if (type === "bits32") reader.bits32(name);
  else if (type === "clock" || type === "running") reader.long(name);
  else if (type === "listed") reader.small(name, addresses - 1);
  else if (bytes === 8) reader.counter(name);
  else reader.small(name, Number(most));
}
