import { CodecError } from "./error.ts";

/** Reads Avro values out of one message; every method throws CodecError with field and offset. */
export interface ByteReader {
  /** Any exact integer: -2^53+1 to 2^53-1. */
  long(field: string): number;
  /** An integer that is not negative. */
  counter(field: string): number;
  /** An int of 32 bits, taken as unsigned. */
  bits32(field: string): number;
  /** An integer of 0 to `most`. */
  small(field: string, most: number): number;
  text(field: string): string;
  /** A view of the next `count` bytes. */
  bytes(field: string, count: number): Uint8Array;
  /**
   * Calls `readItems` for each block of an array with the number of its items, after checking that
   * so many items of at least `minItemBytes` can be there.
   */
  blocks(field: string, minItemBytes: number, readItems: (count: number) => void): void;
  /** Throws unless the message ends here. */
  end(): void;
  /** What is wrong with the field that starts at `at`. */
  error(field: string, what: string): CodecError;
  /** The byte that is read next; whoever reads on by other means moves it. */
  at: number;
  /** Bytes of the whole message. */
  readonly length: number;
}

export function byteReader(schema: string, bytes: Uint8Array, start: number): ByteReader {
  return new Reader(schema, bytes, start);
}

class Reader implements ByteReader {
  readonly #schema: string;
  readonly #bytes: Uint8Array;
  at: number;

  constructor(schema: string, bytes: Uint8Array, start: number) {
    this.#schema = schema;
    this.#bytes = bytes;
    this.at = start;
  }

  get length(): number {
    return this.#bytes.length;
  }

  long(field: string): number {
    const bytes = this.#bytes;
    // Most numbers of a flow are one or two bytes.
    const first = bytes[this.at];
    if (first === undefined) return this.#short(field);
    if (first < 128) {
      this.at++;
      return (first >> 1) ^ -(first & 1);
    }
    const second = bytes[this.at + 1];
    if (second === undefined) return this.#short(field);
    if (second < 128) {
      this.at += 2;
      const both = (first & 0x7f) | (second << 7);
      return (both >> 1) ^ -(both & 1);
    }
    return this.#longer(field);
  }

  /** Three bytes and more: 28 bits as one integer, then up to 28 further ones. */
  #longer(field: string): number {
    const bytes = this.#bytes;
    const start = this.at;
    let at = start;
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = bytes[at++];
      if (byte === undefined) return this.#short(field);
      low |= (byte & 0x7f) << shift;
      if (byte < 128) {
        this.at = at;
        return (low >>> 1) ^ -(low & 1);
      }
    }
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = bytes[at++];
      if (byte === undefined) return this.#short(field);
      high |= (byte & 0x7f) << shift;
      if (byte >= 128) continue;
      const magnitude = high * 0x8000000 + (low >>> 1);
      if (magnitude > Number.MAX_SAFE_INTEGER) break;
      this.at = at;
      return (low & 1) === 0 ? magnitude : -magnitude - 1;
    }
    throw this.error(field, "number past 2^53");
  }

  counter(field: string): number {
    const start = this.at;
    const value = this.long(field);
    if (value >= 0) return value;
    this.at = start;
    throw this.error(field, `${value} is negative`);
  }

  bits32(field: string): number {
    const start = this.at;
    const value = this.long(field);
    if ((value | 0) === value) return value >>> 0;
    this.at = start;
    throw this.error(field, `${value} is no 32-bit int`);
  }

  small(field: string, most: number): number {
    const start = this.at;
    const value = this.long(field);
    if (value >= 0 && value <= most) return value;
    this.at = start;
    throw this.error(field, `${value} is not within 0 and ${most}`);
  }

  text(field: string): string {
    const length = this.counter(field);
    this.#need(field, length);
    const start = this.at;
    this.at += length;
    return Buffer.from(this.#bytes.buffer, this.#bytes.byteOffset + start, length).toString("utf8");
  }

  bytes(field: string, count: number): Uint8Array {
    this.#need(field, count);
    const start = this.at;
    this.at += count;
    return this.#bytes.subarray(start, this.at);
  }

  blocks(field: string, minItemBytes: number, readItems: (count: number) => void): void {
    for (;;) {
      const start = this.at;
      const count = this.long(field);
      if (count === 0) return;
      // A negative count is followed by the block's size in bytes.
      const size = count < 0 ? this.counter(field) : -1;
      const left = this.#bytes.length - this.at;
      const most = Math.floor((size === -1 ? left : Math.min(left, size)) / minItemBytes);
      if (Math.abs(count) > most) {
        this.at = start;
        throw this.error(field, `counts ${Math.abs(count)} items, at most ${most} can be there`);
      }
      const end = this.at + size;
      readItems(Math.abs(count));
      if (size !== -1 && this.at !== end) {
        this.at = start;
        throw this.error(field, "the block's size is not its items'");
      }
    }
  }

  end(): void {
    const left = this.#bytes.length - this.at;
    if (left !== 0) throw this.error("", `${left} bytes follow the record`);
  }

  #need(field: string, count: number): void {
    const left = this.#bytes.length - this.at;
    if (count > left) throw this.error(field, `needs ${count} bytes, ${left} are left`);
  }

  #short(field: string): never {
    throw new CodecError(this.#schema, this.#bytes.length, `${field}: ends within a number`);
  }

  error(field: string, what: string): CodecError {
    return new CodecError(this.#schema, this.at, field === "" ? what : `${field}: ${what}`);
  }
}
