import { unsigned } from "./code.ts";
import type { Code, ValueType } from "./code.ts";

/** A local, parameter or global as expressions see it. */
export interface Variable {
  readonly get: Code;
  readonly set: (value: Code) => Code;
}

export interface FunctionScope {
  /** In the order of the signature. */
  readonly parameters: readonly Variable[];
  readonly local: (type: ValueType) => Variable;
}

interface Signature {
  parameters: readonly ValueType[];
  result?: ValueType;
}

const typeBytes = { i32: 0x7f, i64: 0x7e };
const pageBytes = 65_536;

/** Puts functions together into the bytes of a WebAssembly module with a memory of its own. */
export class WasmModule {
  readonly #signatures: Code[] = [];
  readonly #bodies: Code[] = [];
  readonly #globals: Code[] = [];
  readonly #exports: Code[] = [[...name("memory"), 2, 0]];

  /** Adds a function; it is exported where it has a name. Returns how to call it. */
  function(
    exported: string | undefined,
    { parameters, result }: Signature,
    build: (scope: FunctionScope) => Code,
  ): (...operands: Code[]) => Code {
    const index = this.#bodies.length;
    const locals: ValueType[] = [];
    const code = build({
      parameters: parameters.map((_, at) => variable(0x20, at)),
      local: (type) => variable(0x20, parameters.length + locals.push(type) - 1),
    });
    const declared = vector(locals.map((type) => [1, typeBytes[type]]));
    this.#signatures.push([
      0x60,
      ...vector(parameters.map((type) => [typeBytes[type]])),
      ...vector(result === undefined ? [] : [[typeBytes[result]]]),
    ]);
    this.#bodies.push(sized([...declared, ...code, 0x0b]));
    if (exported !== undefined) this.#exports.push([...name(exported), 0, ...unsigned(index)]);
    return (...operands) => [...operands.flat(), 0x10, ...unsigned(index)];
  }

  /** Adds a global variable that starts as 0. */
  global(exported: string | undefined, type: ValueType): Variable {
    const index = this.#globals.length;
    this.#globals.push([typeBytes[type], 1, type === "i32" ? 0x41 : 0x42, 0, 0x0b]);
    if (exported !== undefined) this.#exports.push([...name(exported), 3, ...unsigned(index)]);
    return variable(0x23, index);
  }

  /** The module; its memory is exported as `memory` and starts with room for `memoryBytes`. */
  encode(memoryBytes: number): Uint8Array<ArrayBuffer> {
    const indexes = this.#signatures.map((_, index) => unsigned(index));
    const pages = unsigned(Math.ceil(memoryBytes / pageBytes));
    return Uint8Array.from([
      ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
      ...section(1, this.#signatures),
      ...section(3, indexes),
      ...section(5, [[0, ...pages]]),
      ...section(6, this.#globals),
      ...section(7, this.#exports),
      ...section(10, this.#bodies),
    ]);
  }
}

/** Gets are one opcode below sets, of locals (0x20) and of globals (0x23). */
function variable(opcode: number, index: number): Variable {
  return {
    get: [opcode, ...unsigned(index)],
    set: (value) => [...value, opcode + 1, ...unsigned(index)],
  };
}

function name(text: string): number[] {
  return sized([...new TextEncoder().encode(text)]);
}

function sized(bytes: Code): number[] {
  return [...unsigned(bytes.length), ...bytes];
}

function vector(items: readonly Code[]): number[] {
  return [...unsigned(items.length), ...items.flat()];
}

function section(id: number, items: readonly Code[]): number[] {
  return items.length === 0 ? [] : [id, ...sized(vector(items))];
}
