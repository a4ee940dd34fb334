import { CodecError } from "./error.ts";
import { recordCodec } from "./record-codec.ts";
import { schemas } from "./schemas.ts";
import { isEarlier } from "./written.ts";

/** avsc makes an object of every flow: a block of a collector fits eight times. */
const maxEarlierBytes = 2 << 20;

const flowBlocks = recordCodec("FlowBlock");

/**
 * A block as the schema in force has it. One of an earlier schema, that lay on the topic or in a spool
 * over an upgrade, is written anew, through avsc and its schema resolution: slowly, and seldom.
 */
export function inForce(message: Uint8Array): Uint8Array {
  const { FlowBlock } = schemas;
  if (!isEarlier(FlowBlock, message)) return message;
  if (message.length > maxEarlierBytes) {
    const most = `a block of an earlier schema has at most ${maxEarlierBytes}`;
    throw new CodecError(FlowBlock.name, maxEarlierBytes, `${message.length} bytes, ${most}`);
  }
  return flowBlocks.encode(flowBlocks.decode(message));
}
