import type { IHeaders, KafkaMessage } from "kafkajs";
import type { Message, OutgoingMessage } from "../bus.ts";
import type { SentRecord } from "./record-batch.ts";

export function messageOf(topic: string, partition: number, from: KafkaMessage): Message {
  return {
    topic,
    partition,
    offset: BigInt(from.offset),
    key: from.key === null ? null : from.key.toString("utf8"),
    value: from.value,
    timestampMs: Number(from.timestamp),
    headers: headersOf(from.headers),
  };
}

function headersOf(headers: IHeaders | undefined): Record<string, string> {
  const plain: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers ?? {})) {
    const last = Array.isArray(value) ? value.at(-1) : value;
    if (last !== undefined) plain[name] = last.toString();
  }
  return plain;
}

export function sentMessageOf(message: OutgoingMessage): SentRecord {
  const { value } = message;
  return {
    key: message.key,
    value: value && Buffer.from(value.buffer, value.byteOffset, value.byteLength),
    headers: message.headers ?? {},
  };
}

/** Bytes a message counts as, a little more than it takes on the wire. */
export function sizeOf(message: OutgoingMessage): number {
  let bytes = 64 + 3 * (message.key?.length ?? 0) + (message.value?.length ?? 0);
  for (const [name, value] of Object.entries(message.headers ?? {})) {
    bytes += 3 * (name.length + value.length);
  }
  return bytes;
}
