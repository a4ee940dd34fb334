import { CodecError } from "./error.ts";
import type { Schema } from "./schemas.ts";

/** The Confluent frame: byte 0, then the schema's id, 4 bytes big endian. */
export const frameBytes = 5;

export function writeFrame(out: Uint8Array, id: number): number {
  out[0] = 0;
  out[1] = id >>> 24;
  out[2] = id >>> 16;
  out[3] = id >>> 8;
  out[4] = id;
  return frameBytes;
}

/** Throws CodecError unless `message` opens with the frame of `schema`. */
export function checkFrame(schema: Pick<Schema, "name" | "id">, message: Uint8Array): void {
  if (message.length < frameBytes) {
    throw new CodecError(schema.name, message.length, `ends within the ${frameBytes}-byte frame`);
  }
  if (message[0] !== 0) {
    throw new CodecError(schema.name, 0, `opens with byte ${message[0]}, a framed message with 0`);
  }
  const id = readSchemaId(message);
  if (id !== schema.id) {
    throw new CodecError(
      schema.name,
      1,
      `has schema id ${id}, known is ${schema.id}: another topic's message or another version's`,
    );
  }
}

/** The id in a frame that is known to be there. */
export function readSchemaId(message: Uint8Array): number {
  const [, a = 0, b = 0, c = 0, d = 0] = message;
  return ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
}
