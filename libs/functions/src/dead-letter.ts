import type { Message, OutgoingMessage } from "@weir/bus";
import { deadLetterCodec } from "@weir/codec";

/** A message that its function could not take, and why. */
export interface Letter {
  message: Message;
  reason: string;
}

/** A broker takes about 1 MiB a message; the letter must fit with its envelope. */
const MAX_VALUE_BYTES = 900 * 1024;
const MAX_REASON_CHARACTERS = 2000;

/** The letter as it is sent: keyed by where the message lies, so that a second one is recognised. */
export function letterMessage({ message, reason }: Letter, functionName: string): OutgoingMessage {
  const { topic, partition, offset, key, value } = message;
  const tooLong = (value?.byteLength ?? 0) > MAX_VALUE_BYTES;
  const note = tooLong ? ` (value of ${value?.byteLength} bytes left out)` : "";
  return {
    key: `${topic}:${partition}:${offset}`,
    value: deadLetterCodec.encode({
      topic,
      partition,
      offset: Number(offset),
      function: functionName,
      reason: reason.slice(0, MAX_REASON_CHARACTERS) + note,
      time: Date.now() * 1000,
      key: key === null ? null : new TextEncoder().encode(key),
      value: tooLong ? null : value,
    }),
  };
}
