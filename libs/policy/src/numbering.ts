/** Ids fit a signed 32-bit integer, which is what Avro's int holds. */
const idBits = 31;
const idMask = 2 ** idBits - 1;

/** FNV-1a over UTF-16 units with a final mix, 31 bits. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  }
  value ^= value >>> 16;
  value = Math.imul(value, 0x85ebca6b);
  value ^= value >>> 13;
  value = Math.imul(value, 0xc2b2ae35);
  value ^= value >>> 16;
  return value & idMask;
}

/**
 * Ids for keys, from the keys alone: the same key has the same id in every compilation, so that a
 * pod that comes or goes renames nothing and a restart neither. Where two keys of one compilation
 * collide the later in sort order moves on to the next free id.
 */
export function numberKeys(keys: Iterable<string>, first: number): Map<string, number> {
  const taken = new Set<number>();
  const ids = new Map<string, number>();
  for (const key of [...new Set(keys)].sort()) {
    let id = Math.max(hash(key), first);
    while (taken.has(id)) id = id === idMask ? first : id + 1;
    taken.add(id);
    ids.set(key, id);
  }
  return ids;
}
