import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BtfType } from "./btf_types.ts";
import { readTypes } from "./btf_types.ts";
import type { Codec } from "./codec.ts";
import { codecOf } from "./codec.ts";
import { checked } from "./error.ts";
import type { Field, Layout } from "./layout.ts";
import { layoutOf } from "./layout.ts";
import { native } from "./native.ts";

/** Size and offsets in bytes. */
export interface StructLayout {
  name: string;
  size: number;
  fields: Field[];
}

/** Compilers before clang 16 do not record that an enum is signed: its negative values read as unsigned. */
export interface EnumLayout {
  name: string;
  size: number;
  values: ReadonlyMap<string, bigint>;
}

/** A global variable: the section it is in and where. */
export interface Variable {
  name: string;
  section: string;
  offset: number;
  size: number;
  layout: Layout;
}

/** The types of an object file or of a loaded program. */
export class Btf {
  readonly #types: BtfType[];
  #structs: Map<string, StructLayout> | undefined;
  #enums: Map<string, EnumLayout> | undefined;

  /** Raw BTF. Throws RangeError where the bytes are none. */
  constructor(bytes: Uint8Array) {
    this.#types = readTypes(bytes);
  }

  /** Of structs and unions that have a name, a typedef's included. */
  get structs(): ReadonlyMap<string, StructLayout> {
    this.#structs ??= this.#named((name, type, id) => {
      if (type.kind !== "struct" && type.kind !== "union") return undefined;
      return { name, size: type.size, fields: layoutOf(this.#types, id).fields ?? [] };
    });
    return this.#structs;
  }

  get enums(): ReadonlyMap<string, EnumLayout> {
    this.#enums ??= this.#named((name, type) =>
      type.kind === "enum" ? { name, size: type.size, values: type.values } : undefined,
    );
    return this.#enums;
  }

  /** Throws RangeError when there is no struct of this name. */
  struct(name: string): StructLayout {
    const found = this.structs.get(name);
    if (!found) throw new RangeError(`BTF has no struct ${name}`);
    return found;
  }

  /** Throws RangeError when there is no enum of this name. */
  enum(name: string): EnumLayout {
    const found = this.enums.get(name);
    if (!found) throw new RangeError(`BTF has no enum ${name}`);
    return found;
  }

  /** Of a struct, enum, typedef or int by name. Throws RangeError when there is none. */
  codec<T>(typeName: string): Codec<T> {
    const id = this.#types.findIndex((type) => type.name === typeName && hasLayout(type));
    if (id <= 0) throw new RangeError(`BTF has no type ${typeName}`);
    return codecOf<T>(layoutOf(this.#types, id), typeName);
  }

  /** By the id that a map's key or value has. */
  codecOfId<T>(typeId: number, name: string): Codec<T> {
    return codecOf<T>(layoutOf(this.#types, typeId), name);
  }

  /** Global variables of the sections whose name `wanted` accepts. */
  variables(wanted: (section: string) => boolean): Map<string, Variable> {
    const found = new Map<string, Variable>();
    for (const section of this.#types) {
      if (section.kind !== "section" || !wanted(section.name)) continue;
      for (const { typeId, offset, size } of section.variables) {
        const variable = this.#types[typeId];
        if (variable?.kind !== "variable") continue;
        const layout = layoutOf(this.#types, typeId);
        found.set(variable.name, {
          name: variable.name,
          section: section.name,
          offset,
          size,
          layout,
        });
      }
    }
    return found;
  }

  #named<T>(describe: (name: string, type: BtfType, id: number) => T | undefined): Map<string, T> {
    const found = new Map<string, T>();
    this.#types.forEach((type, id) => {
      if (type.name === "" || found.has(type.name)) return;
      const target = type.kind === "alias" && type.typedef ? this.#types[type.typeId] : type;
      const described = target ? describe(type.name, target, id) : undefined;
      if (described !== undefined) found.set(type.name, described);
    });
    return found;
  }
}

function hasLayout(type: BtfType): boolean {
  return (
    ["struct", "union", "enum", "int", "float"].includes(type.kind) ||
    (type.kind === "alias" && type.typedef)
  );
}

/**
 * The types of an object file, or of a file of raw BTF, without loading anything.
 * Throws BpfError: ENOENT for no such file, ENODATA or EINVAL for one without BTF.
 */
export function readBtf(source: string | Uint8Array): Btf {
  if (typeof source === "string") {
    return new Btf(checked<Uint8Array>(`read BTF of ${source}`, native.btfRead(source)));
  }
  if (source[0] === 0x9f && source[1] === 0xeb) return new Btf(source);
  // libbpf reads BTF out of an ELF file by path only.
  const directory = mkdtempSync(join(tmpdir(), "libbpf-ts-"));
  try {
    const path = join(directory, "object");
    writeFileSync(path, source, { mode: 0o600 });
    return new Btf(checked<Uint8Array>("read BTF", native.btfRead(path)));
  } finally {
    rmSync(directory, { recursive: true });
  }
}
