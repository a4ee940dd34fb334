/**
 * Just the instructions of WebAssembly that the generated transcoders are made of, as functions
 * from operands to bytes: what an expression needs comes before it, so nesting calls is nesting
 * expressions.
 */
export type Code = readonly number[];
export type ValueType = "i32" | "i64";

/** LEB128, unsigned. */
export function unsigned(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 127) {
    bytes.push((rest % 128) | 128);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
  return bytes;
}

/** LEB128, signed. */
export function signed(value: bigint): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (;;) {
    const low = Number(rest & 0x7fn);
    rest >>= 7n;
    if ((rest === 0n && low < 64) || (rest === -1n && low >= 64)) return [...bytes, low];
    bytes.push(low | 128);
  }
}

const operation =
  (opcode: number) =>
  (...operands: Code[]): Code => [...operands.flat(), opcode];

/** The alignment is a hint only, and records lie anywhere: none is claimed. */
const load =
  (opcode: number) =>
  (address: Code, offset = 0): Code => [...address, opcode, 0, ...unsigned(offset)];

const store =
  (opcode: number) =>
  (address: Code, value: Code, offset = 0): Code => [
    ...address,
    ...value,
    opcode,
    0,
    ...unsigned(offset),
  ];

export const i32 = {
  const: (value: number): Code => [0x41, ...signed(BigInt(value | 0))],
  load: load(0x28),
  load8: load(0x2d),
  load16: load(0x2f),
  store: store(0x36),
  store8: store(0x3a),
  store16: store(0x3b),
  eqz: operation(0x45),
  ltU: operation(0x49),
  gtU: operation(0x4b),
  geU: operation(0x4f),
  add: operation(0x6a),
  sub: operation(0x6b),
  mul: operation(0x6c),
  and: operation(0x71),
  or: operation(0x72),
  shl: operation(0x74),
  wrap: operation(0xa7),
};

export const i64 = {
  const: (value: bigint): Code => [0x42, ...signed(BigInt.asIntN(64, value))],
  load: load(0x29),
  load8: load(0x31),
  load16: load(0x33),
  load32: load(0x35),
  load32Signed: load(0x34),
  store: store(0x37),
  store8: store(0x3c),
  store16: store(0x3d),
  store32: store(0x3e),
  eqz: operation(0x50),
  eq: operation(0x51),
  ltS: operation(0x53),
  ltU: operation(0x54),
  gtU: operation(0x56),
  clz: operation(0x79),
  ctz: operation(0x7a),
  add: operation(0x7c),
  sub: operation(0x7d),
  mul: operation(0x7e),
  divU: operation(0x80),
  and: operation(0x83),
  or: operation(0x84),
  xor: operation(0x85),
  shl: operation(0x86),
  shrS: operation(0x87),
  shrU: operation(0x88),
  extend: operation(0xad),
};

export const f64 = {
  fromUnsigned: operation(0xba),
  store: store(0x39),
};

/** `whenTrue` where `condition` is not 0, else `whenFalse`; both are evaluated. */
export function select(whenTrue: Code, whenFalse: Code, condition: Code): Code {
  return [...whenTrue, ...whenFalse, ...condition, 0x1b];
}

export function when(condition: Code, then: Code, otherwise: Code = []): Code {
  const end = otherwise.length > 0 ? [0x05, ...otherwise, 0x0b] : [0x0b];
  return [...condition, 0x04, 0x40, ...then, ...end];
}

/** Repeats `body` as long as `condition`, which is asked before each round, is not 0. */
export function whileTrue(condition: Code, body: Code): Code {
  return [0x03, 0x40, ...condition, 0x04, 0x40, ...body, 0x0c, 1, 0x0b, 0x0b];
}

export function giveBack(value: Code): Code {
  return [...value, 0x0f];
}

export function fillMemory(start: Code, value: Code, bytes: Code): Code {
  return [...start, ...value, ...bytes, 0xfc, 0x0b, 0];
}
