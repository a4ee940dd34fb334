import type { GrowingBytes } from "./bytes.ts";
import type { ColumnBuilder } from "./column.ts";

type Numbers = Uint8Array | Int8Array | Uint16Array | Int16Array | Uint32Array | Int32Array;

const ranges = {
  UInt8: { make: (n: number) => new Uint8Array(n), min: 0, max: 255 },
  Int8: { make: (n: number) => new Int8Array(n), min: -128, max: 127 },
  UInt16: { make: (n: number) => new Uint16Array(n), min: 0, max: 65535 },
  Int16: { make: (n: number) => new Int16Array(n), min: -32768, max: 32767 },
  UInt32: { make: (n: number) => new Uint32Array(n), min: 0, max: 4294967295 },
  Int32: { make: (n: number) => new Int32Array(n), min: -2147483648, max: 2147483647 },
} as const;

export type SmallInteger = keyof typeof ranges;

/** Integers of up to 32 bits; also Bool (as UInt8), DateTime (seconds, as UInt32) and Enum8 codes. */
export class IntegerColumn implements ColumnBuilder {
  #values: Numbers;
  #rows = 0;
  readonly #range: (typeof ranges)[SmallInteger];

  constructor(type: SmallInteger, capacityRows: number) {
    this.#range = ranges[type];
    this.#values = this.#range.make(capacityRows);
  }

  get rows(): number {
    return this.#rows;
  }

  append(value: unknown): void {
    const number = typeof value === "boolean" ? Number(value) : value;
    if (
      !Number.isInteger(number) ||
      (number as number) < this.#range.min ||
      (number as number) > this.#range.max
    )
      throw new RangeError(
        `${String(value)} is no integer from ${this.#range.min} to ${this.#range.max}`,
      );
    this.put(number as number);
  }

  /** Unchecked: the caller knows that it fits. */
  put(value: number): void {
    if (this.#rows === this.#values.length) this.#grow();
    this.#values[this.#rows++] = value;
  }

  /** Unchecked, many rows at once. */
  putAll(values: Numbers): void {
    while (this.#rows + values.length > this.#values.length) this.#grow();
    this.#values.set(values, this.#rows);
    this.#rows += values.length;
  }

  /** A row for each of `values`: 1 where it is 0, else 0. */
  putZeros(values: Uint32Array): void {
    while (this.#rows + values.length > this.#values.length) this.#grow();
    let at = this.#rows;
    for (const value of values) this.#values[at++] = value === 0 ? 1 : 0;
    this.#rows = at;
  }

  /** A row for each of `codes`: what `table` has for it. Unchecked. */
  putMapped(codes: Uint8Array | Uint32Array, table: ArrayLike<number>): void {
    while (this.#rows + codes.length > this.#values.length) this.#grow();
    const values = this.#values;
    let at = this.#rows;
    for (let row = 0; row < codes.length; row++)
      values[at++] = table[codes[row] as number] as number;
    this.#rows = at;
  }

  clear(): void {
    this.#rows = 0;
  }

  writePrefix(): void {}

  writeData(out: GrowingBytes): void {
    const { buffer, byteOffset, BYTES_PER_ELEMENT } = this.#values;
    out.append(new Uint8Array(buffer, byteOffset, this.#rows * BYTES_PER_ELEMENT));
  }

  #grow(): void {
    const grown = this.#range.make(Math.max(16, this.#values.length * 2));
    grown.set(this.#values);
    this.#values = grown;
  }
}

/** UInt64, Int64 and DateTime64, from numbers (exact below 2^53) or bigints. */
export class Integer64Column implements ColumnBuilder {
  #halves: Uint32Array;
  #rows = 0;

  constructor(capacityRows: number) {
    this.#halves = new Uint32Array(capacityRows * 2);
  }

  get rows(): number {
    return this.#rows;
  }

  append(value: unknown): void {
    if (typeof value === "bigint") {
      if (value < -(2n ** 63n) || value >= 2n ** 64n)
        throw new RangeError(`${value} does not fit into 64 bits`);
      this.#put(Number(value & 0xffffffffn), Number((value >> 32n) & 0xffffffffn));
      return;
    }
    const number = typeof value === "boolean" ? Number(value) : value;
    if (!Number.isSafeInteger(number))
      throw new RangeError(`${String(value)} is no integer below 2^53; give a bigint`);
    this.put(number as number);
  }

  /** Unchecked: an integer below 2^53. */
  put(value: number): void {
    this.#put(value, Math.floor(value / 4294967296));
  }

  /** Many rows at once, as the integers that they are. */
  putAll(words: BigUint64Array): void {
    const added = words.length * 2;
    while (this.#rows * 2 + added > this.#halves.length) this.#grow();
    this.#halves.set(new Uint32Array(words.buffer, words.byteOffset, added), this.#rows * 2);
    this.#rows += words.length;
  }

  /** A row for each of `codes`: what `table` has for it. Unchecked. */
  putMapped(codes: Uint32Array, table: ArrayLike<number>): void {
    for (const code of codes) this.put(table[code] as number);
  }

  /** `count` rows of the same; an integer below 2^53. */
  putSame(value: number, count: number): void {
    for (let row = 0; row < count; row++) this.put(value);
  }

  clear(): void {
    this.#rows = 0;
  }

  writePrefix(): void {}

  writeData(out: GrowingBytes): void {
    const { buffer, byteOffset } = this.#halves;
    out.append(new Uint8Array(buffer, byteOffset, this.#rows * 8));
  }

  #put(low: number, high: number): void {
    const at = this.#rows * 2;
    if (at === this.#halves.length) this.#grow();
    // A typed array keeps the low 32 bits, of negative numbers too.
    this.#halves[at] = low;
    this.#halves[at + 1] = high;
    this.#rows++;
  }

  #grow(): void {
    const grown = new Uint32Array(Math.max(32, this.#halves.length * 2));
    grown.set(this.#halves);
    this.#halves = grown;
  }
}

/** Float64. */
export class FloatColumn implements ColumnBuilder {
  #values: number[] = [];

  get rows(): number {
    return this.#values.length;
  }

  append(value: unknown): void {
    if (typeof value !== "number") throw new TypeError(`${String(value)} is no number`);
    this.#values.push(value);
  }

  clear(): void {
    this.#values.length = 0;
  }

  writePrefix(): void {}

  writeData(out: GrowingBytes): void {
    out.append(new Uint8Array(Float64Array.from(this.#values).buffer));
  }
}

/** IPv6: 16 bytes a row in network order, IPv4 as ::ffff:a.b.c.d. */
export class AddressColumn implements ColumnBuilder {
  #bytes: Uint8Array;
  #rows = 0;

  constructor(capacityRows: number) {
    this.#bytes = new Uint8Array(capacityRows * 16);
  }

  get rows(): number {
    return this.#rows;
  }

  append(value: unknown): void {
    if (!(value instanceof Uint8Array) || value.length !== 16)
      throw new TypeError("an address is 16 bytes");
    this.put(value, 0);
  }

  /** The 16 bytes of `bytes` at `offset`. */
  put(bytes: Uint8Array, offset: number): void {
    this.putAll(bytes.subarray(offset, offset + 16));
  }

  /** Many rows at once, 16 bytes each. */
  putAll(bytes: Uint8Array): void {
    const at = this.#rows * 16;
    if (at + bytes.length > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(256, this.#bytes.length * 2, at + bytes.length));
      grown.set(this.#bytes);
      this.#bytes = grown;
    }
    this.#bytes.set(bytes, at);
    this.#rows += bytes.length / 16;
  }

  clear(): void {
    this.#rows = 0;
  }

  writePrefix(): void {}

  writeData(out: GrowingBytes): void {
    out.append(this.#bytes.subarray(0, this.#rows * 16));
  }
}

/** Enum8, by symbol or by code. */
export class EnumColumn implements ColumnBuilder {
  readonly #codes: IntegerColumn;
  readonly #bySymbol: ReadonlyMap<string, number>;
  readonly #known: ReadonlySet<number>;
  /** Of each byte, the code that is stored for it. */
  readonly #stored: Int8Array;

  constructor(symbols: ReadonlyMap<string, number>, capacityRows: number) {
    this.#codes = new IntegerColumn("Int8", capacityRows);
    this.#bySymbol = symbols;
    this.#known = new Set(symbols.values());
    this.#stored = Int8Array.from({ length: 256 }, (_, code) => (this.#known.has(code) ? code : 0));
  }

  get rows(): number {
    return this.#codes.rows;
  }

  append(value: unknown): void {
    const code = typeof value === "string" ? this.#bySymbol.get(value) : value;
    if (typeof code !== "number" || !this.#known.has(code))
      throw new RangeError(
        `${JSON.stringify(value)} is none of ${[...this.#bySymbol.keys()].join(", ")}`,
      );
    this.#codes.put(code);
  }

  /** Many rows at once. A code that the enum does not know is stored as 0. */
  putAll(codes: Uint8Array): void {
    this.#codes.putMapped(codes, this.#stored);
  }

  clear(): void {
    this.#codes.clear();
  }

  writePrefix(): void {}

  writeData(out: GrowingBytes): void {
    this.#codes.writeData(out);
  }
}
