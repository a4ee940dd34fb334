/**
 * A map from 16-byte addresses to values that allocates nothing at a lookup: the address is read
 * where it lies, as four 32-bit words.
 */
export class AddressTable<Value> {
  #chains = new Map<number, Entry<Value>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** The value of the 16 bytes at `offset`. */
  get(bytes: Uint8Array, offset = 0): Value | undefined {
    const a = word(bytes, offset);
    const b = word(bytes, offset + 4);
    const c = word(bytes, offset + 8);
    const d = word(bytes, offset + 12);
    let entry = this.#chains.get(hash(a, b, c, d));
    while (entry) {
      if (entry.d === d && entry.c === c && entry.b === b && entry.a === a) return entry.value;
      entry = entry.next;
    }
    return undefined;
  }

  set(bytes: Uint8Array, value: Value): void {
    this.delete(bytes);
    const [a, b, c, d] = [word(bytes, 0), word(bytes, 4), word(bytes, 8), word(bytes, 12)];
    const key = hash(a, b, c, d);
    this.#chains.set(key, { a, b, c, d, value, next: this.#chains.get(key) });
    this.#size += 1;
  }

  delete(bytes: Uint8Array): void {
    const [a, b, c, d] = [word(bytes, 0), word(bytes, 4), word(bytes, 8), word(bytes, 12)];
    const key = hash(a, b, c, d);
    let before: Entry<Value> | undefined;
    let entry = this.#chains.get(key);
    while (entry && !(entry.a === a && entry.b === b && entry.c === c && entry.d === d)) {
      before = entry;
      entry = entry.next;
    }
    if (!entry) return;
    if (before) before.next = entry.next;
    else if (entry.next) this.#chains.set(key, entry.next);
    else this.#chains.delete(key);
    this.#size -= 1;
  }

  *values(): IterableIterator<Value> {
    for (const chain of this.#chains.values()) {
      for (let entry: Entry<Value> | undefined = chain; entry; entry = entry.next)
        yield entry.value;
    }
  }
}

interface Entry<Value> {
  a: number;
  b: number;
  c: number;
  d: number;
  value: Value;
  next: Entry<Value> | undefined;
}

function word(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at] as number) << 24) |
    ((bytes[at + 1] as number) << 16) |
    ((bytes[at + 2] as number) << 8) |
    (bytes[at + 3] as number)
  );
}

/** Murmur3's finaliser over the words, so that neighbours in a subnet do not collide. */
function hash(a: number, b: number, c: number, d: number): number {
  let mixed = Math.imul(a, 0x9e37_79b1) ^ b;
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x85eb_ca6b) ^ c;
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2_ae35) ^ d;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85eb_ca6b);
  return (mixed ^ (mixed >>> 13)) | 0;
}
