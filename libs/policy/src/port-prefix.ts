/**
 * Ports as prefixes. A range is cut into blocks that are aligned to their own size, which are the
 * prefixes: they are disjoint, and together exactly the range. Entries of several rules for one rule
 * set and identity share a table and the longest prefix wins, yet none can narrow another: an entry
 * only ever allows, so whatever a wider one allows a narrower one inside it allows too, and where no
 * entry matches nothing is allowed. Nor can one widen another: a port has an entry only if some rule
 * names it. All that the longest prefix decides is which of the rules is named as the reason.
 */
export interface PortPrefix {
  port: number;
  /** Leading bits of the port that count: 0..16. */
  bits: number;
}

export interface PortRange {
  first: number;
  last: number;
}

/** The same ports in the fewest ranges, in order. */
export function mergedRanges(ranges: readonly PortRange[]): PortRange[] {
  const merged: PortRange[] = [];
  for (const { first, last } of [...ranges].sort((a, b) => a.first - b.first)) {
    const before = merged.at(-1);
    if (before === undefined || first > before.last + 1) merged.push({ first, last });
    else before.last = Math.max(before.last, last);
  }
  return merged;
}

/** The fewest prefixes that cover the ports from `first` to `last` and no other; at most 30. */
export function portPrefixes(first: number, last: number): PortPrefix[] {
  const prefixes: PortPrefix[] = [];
  let port = first;
  while (port <= last) {
    // As large a block as the alignment of its beginning and the rest of the range allow.
    let size = port === 0 ? 2 ** 16 : port & -port;
    while (port + size - 1 > last) size /= 2;
    prefixes.push({ port, bits: 16 - Math.log2(size) });
    port += size;
  }
  return prefixes;
}
