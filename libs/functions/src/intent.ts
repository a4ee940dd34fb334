/**
 * The bounds of the batch in flight, kept beside the group's committed offset while the handler
 * runs. After a crash they tell which messages the lost batch held, so that it can be handed over
 * again exactly as it was, under the same token.
 */
export interface Intent {
  /** Offset of the first message. */
  first: bigint;
  /** Offset of the last message. */
  last: bigint;
}

const FORM = /^batch (\d{1,19})-(\d{1,19})$/;

export function formatIntent(intent: Intent): string {
  return `batch ${intent.first}-${intent.last}`;
}

/** Undefined for text that is no intent; the empty string means that nothing was in flight. */
export function parseIntent(metadata: string): Intent | undefined {
  const match = FORM.exec(metadata);
  if (!match?.[1] || !match[2]) return undefined;
  const intent = { first: BigInt(match[1]), last: BigInt(match[2]) };
  return intent.last >= intent.first ? intent : undefined;
}

/** What a sink may use to tell that it has a batch already. */
export function batchToken(topic: string, partition: number, intent: Intent): string {
  return `${topic}:${partition}:${intent.first}-${intent.last}`;
}
