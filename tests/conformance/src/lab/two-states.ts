/**
 * What may become of a packet while policy changes.
 *
 * A node's switch is one word, so each interface judges each packet by the state before the change
 * or by the one after it, by no third. The source's interface judges egress, the destination's ingress.
 * On two nodes, which switch at different times, the two may differ either way. On one node both
 * read the same word and egress comes first: the packet that meets the switch between the two may be
 * judged by the old state there and by the new one here, never the other way round.
 */
export interface Sides {
  egress: boolean;
  ingress: boolean;
}

/** When a state can be in force anywhere: from the start of the change to it to the end of the next. */
export interface Reign {
  fromMs: number;
  untilMs: number;
}

/** Between the sender's clock being read and the last interface: scheduling, queues. */
const transitMs = 100;

/** The states, in order, that may have judged what was sent in this time. */
export function statesAt(reigns: readonly Reign[], fromMs: number, untilMs: number): number[] {
  return reigns.flatMap((reign, state) =>
    reign.fromMs <= untilMs + transitMs && fromMs <= reign.untilMs ? [state] : [],
  );
}

/** Whether it may have got through, and whether it must have. `states` in the order of time. */
export function fateOf(
  states: readonly Sides[],
  isOneNode: boolean,
): { may: boolean; must: boolean } {
  const may = states.some(
    ({ egress }, at) =>
      egress && states.some(({ ingress }, later) => ingress && (!isOneNode || later >= at)),
  );
  return { may, must: states.every(({ egress, ingress }) => egress && ingress) };
}
