/** A table of which rows of a range are taken. */
export interface Piece {
  table: "flows" | "edges_1m" | "edges_1h" | "edges_1d";
  /** Microseconds since 1970; `to` is not part of it, undefined: all that comes. */
  from: number;
  to: number | undefined;
}

/** Microseconds of a row of each roll-up, the coarsest first. */
export const rollUps = [
  { table: "edges_1d", sizeUs: 86_400_000_000 },
  { table: "edges_1h", sizeUs: 3_600_000_000 },
  { table: "edges_1m", sizeUs: 60_000_000 },
] as const;

/**
 * The range in the fewest, coarsest pieces that give it exactly: whole days from the roll-up by
 * day, what is left at both ends by hour, by minute, and from the flows themselves.
 */
export function pieces(
  from: number,
  to: number | undefined,
  tables: readonly (typeof rollUps)[number][] = rollUps,
  now = Infinity,
): Piece[] {
  if (to !== undefined && from >= to) return [];
  const [coarsest, ...finer] = tables;
  if (coarsest === undefined) return [{ table: "flows", from, to }];
  const { table, sizeUs } = coarsest;
  const first = Math.ceil(from / sizeUs) * sizeUs;
  const end = to === undefined ? undefined : Math.floor(to / sizeUs) * sizeUs;
  // A range without an end takes the newest rows of a table that has some by now.
  if (end === undefined ? first > now : first >= end) return pieces(from, to, finer, now);
  return [
    ...pieces(from, first, finer),
    { table, from: first, to: end },
    ...(end === undefined ? [] : pieces(end, to, finer)),
  ];
}
