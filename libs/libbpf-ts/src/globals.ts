import type { Btf, Variable } from "./btf.ts";
import type { Value } from "./codec.ts";
import { codecOf } from "./codec.ts";
import { checked, refusal } from "./error.ts";
import type { BpfMap } from "./map.ts";
import type { Handle } from "./native.ts";
import { native } from "./native.ts";
import { handleOf } from "./owned.ts";
import { isReadOnly } from "./settings.ts";

const inMemory = /^\.(?:data|bss|rodata)(?:\..*)?$/;

/**
 * The global variables of a loaded object, in place: what a program writes is read at once, and
 * the other way round. Integers of up to 8 bytes are read and written whole.
 */
export class Globals implements Disposable {
  readonly #variables: Map<string, Variable>;
  readonly #mapOf: (section: string) => BpfMap;
  readonly #mappings = new Map<string, Handle>();
  #closed = false;

  /** @internal */
  constructor(btf: Btf, mapOf: (section: string) => BpfMap) {
    this.#variables = btf.variables((section) => inMemory.test(section));
    this.#mapOf = mapOf;
  }

  get names(): string[] {
    return [...this.#variables.keys()];
  }

  /** Throws BpfError ENOENT for an unknown name. */
  get(name: string): Value {
    const variable = this.#variable(name);
    const bytes = new Uint8Array(variable.size);
    checked(
      `read ${name}`,
      native.mappingRead(this.#mapping(variable.section), variable.offset, bytes),
    );
    return codecOf<Value>(variable.layout, name).decode(bytes);
  }

  /** Throws BpfError: ENOENT for an unknown name, EPERM for a `const`; RangeError for a value that does not fit. */
  set(name: string, value: Value): void {
    const variable = this.#variable(name);
    const bytes = codecOf<Value>(variable.layout, name).encode(value);
    checked(
      `write ${name}`,
      native.mappingWrite(this.#mapping(variable.section), variable.offset, bytes),
    );
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    for (const mapping of this.#mappings.values()) native.handleClose(mapping);
    this.#mappings.clear();
  }

  #variable(name: string): Variable {
    const variable = this.#variables.get(name);
    if (!variable)
      throw refusal(
        `global ${name}`,
        "ENOENT",
        `the object has ${this.names.join(", ") || "none"}`,
      );
    return variable;
  }

  #mapping(section: string): Handle {
    if (this.#closed) throw refusal(`globals in ${section}`, "EBADF", "the object is closed");
    let mapping = this.#mappings.get(section);
    if (!mapping) {
      const map = this.#mapOf(section);
      mapping = checked<Handle>(
        `map ${section} into memory`,
        native.mappingOpen(map[handleOf], !isReadOnly(section)),
      );
      this.#mappings.set(section, mapping);
    }
    return mapping;
  }
}
