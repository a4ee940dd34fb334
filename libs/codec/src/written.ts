import type avro from "avsc";
import type { Resolver } from "avsc";
import { CodecError } from "./error.ts";
import { checkFrame, frameBytes, readSchemaId } from "./frame.ts";
import type { Schema } from "./schemas.ts";
import { readWritten, writtenFiles } from "./schemas.ts";

/** How a message was written, and what makes a record of the schema in force of it. */
export interface Writer {
  type: avro.Type;
  /** None where it was written with the schema in force. */
  resolver?: Resolver;
}

const earlier = new Map<string, Writer>();

export function writtenFile({ name, id }: Pick<Schema, "name" | "id">): string {
  return `${name.split(".").at(-1)}.${id.toString(16).padStart(8, "0")}.avsc`;
}

/** Throws CodecError for what is framed by no schema of this record. */
export function writerOf(schema: Schema, message: Uint8Array): Writer {
  if (!isEarlier(schema, message)) {
    checkFrame(schema, message);
    return { type: schema.type };
  }
  const file = writtenFile({ name: schema.name, id: readSchemaId(message) });
  const known = earlier.get(file);
  if (known !== undefined) return known;
  const type = readWritten(file);
  try {
    const writer = { type, resolver: schema.type.createResolver(type) };
    earlier.set(file, writer);
    return writer;
  } catch (error) {
    const why = `written with ${file}, of which no record of now can be made`;
    throw new CodecError(schema.name, 1, `${why}: ${(error as Error).message}`, { cause: error });
  }
}

/** Whether a message was written with a schema that was in force before. */
export function isEarlier(schema: Schema, message: Uint8Array): boolean {
  if (message.length < frameBytes || message[0] !== 0) return false;
  const id = readSchemaId(message);
  return id !== schema.id && writtenFiles.has(writtenFile({ name: schema.name, id }));
}
