/** A byte buffer that grows by doubling; what a column is serialised into. */
export class GrowingBytes {
  #bytes: Uint8Array;
  #length = 0;

  constructor(initialBytes = 256) {
    this.#bytes = new Uint8Array(initialBytes);
  }

  get length(): number {
    return this.#length;
  }

  /** A view, valid until the next write. */
  view(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  clear(): void {
    this.#length = 0;
  }

  append(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** Those of `other` from `begin` to `end`, which are few: a view of them would cost more. */
  appendPart(other: GrowingBytes, begin: number, end: number): void {
    this.#reserve(end - begin);
    const [from, into] = [other.#bytes, this.#bytes];
    let at = this.#length;
    for (let byte = begin; byte < end; byte++) into[at++] = from[byte] as number;
    this.#length = at;
  }

  /** LEB128 of a number below 2^53. */
  appendVarint(value: number): void {
    this.#reserve(8);
    let rest = value;
    while (rest > 127) {
      this.#bytes[this.#length++] = (rest % 128) | 128;
      rest = Math.floor(rest / 128);
    }
    this.#bytes[this.#length++] = rest;
  }

  /** Little endian, below 2^53. */
  appendUint64(value: number): void {
    this.#reserve(8);
    const view = new DataView(this.#bytes.buffer, this.#length, 8);
    view.setUint32(0, value >>> 0, true);
    view.setUint32(4, Math.floor(value / 4294967296), true);
    this.#length += 8;
  }

  /** Length as varint, then UTF-8. */
  appendString(text: string): void {
    // A UTF-16 unit takes at most three bytes, so one encodeInto always fits.
    const most = text.length * 3;
    if (most < 128) {
      this.#reserve(most + 1);
      const at = this.#length;
      const { written } = encoder.encodeInto(text, this.#bytes.subarray(at + 1));
      this.#bytes[at] = written;
      this.#length = at + 1 + written;
      return;
    }
    const bytes = encoder.encode(text);
    this.appendVarint(bytes.length);
    this.append(bytes);
  }

  #reserve(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    grown.set(this.view());
    this.#bytes = grown;
  }
}

const encoder = new TextEncoder();
