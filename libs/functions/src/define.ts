import type { Message } from "@weir/bus";
import type { StreamFunction } from "./contract.ts";

/** Gives a handler file its types: `export default defineFunction<Services>({...})`. */
export function defineFunction<Services>(
  definition: StreamFunction<Services>,
): StreamFunction<Services> {
  const { name, batch, retry } = definition;
  if (!/^[a-z][a-z0-9-]{0,62}$/.test(name)) {
    throw new TypeError(`function name ${JSON.stringify(name)}: use a-z, 0-9 and -, at most 63`);
  }
  for (const [bound, value] of Object.entries({ ...batch, ...retry })) {
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new RangeError(`function ${name}: ${bound} must be a whole number of at least 1`);
    }
  }
  return definition;
}

/**
 * Thrown by a handler, before it has had any effect, when one message of its batch can never be
 * taken: the runtime sets that message aside in the dead-letter topic and hands over the rest.
 */
export class BadMessage extends Error {
  /** The message to set aside; it must be one of the batch's own. */
  readonly culprit: Message;
  constructor(culprit: Message, reason: string, options?: ErrorOptions) {
    super(reason, options);
    this.name = "BadMessage";
    this.culprit = culprit;
  }
}
