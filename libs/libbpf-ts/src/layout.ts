import type { BtfType, Member } from "./btf_types.ts";

export type FieldKind =
  | "u8"
  | "u16"
  | "u32"
  | "u64"
  | "s8"
  | "s16"
  | "s32"
  | "s64"
  | "bool"
  | "enum"
  | "float"
  | "pointer"
  | "bitfield"
  | "array"
  | "struct"
  | "union";

/** How a value lies in memory; sizes in bytes. */
export interface Layout {
  kind: FieldKind;
  size: number;
  /** Of structs, unions and enums that have a name. */
  typeName?: string;
  /** Of enums. */
  signed?: boolean;
  /** Of arrays. */
  length?: number;
  element?: Layout;
  /** Of structs and unions; the members of anonymous ones are their parent's. */
  fields?: Field[];
  /** Of bit fields: bits from the start of the field's byte, and how many. */
  bitOffset?: number;
  bitWidth?: number;
}

/** `offset` in bytes from the start of the struct. */
export interface Field extends Layout {
  name: string;
  offset: number;
}

const pointerBytes = 8;

/** The layout of a type; aliases and qualifiers are looked through. */
export function layoutOf(types: readonly BtfType[], typeId: number): Layout {
  const type = types[typeId];
  if (!type) throw new RangeError(`BTF has no type ${typeId}`);
  switch (type.kind) {
    case "int":
      return intLayout(type);
    case "float":
      return { kind: "float", size: type.size };
    case "pointer":
      return { kind: "pointer", size: pointerBytes };
    case "enum":
      return { kind: "enum", size: type.size, signed: type.signed, ...named(type.name) };
    case "array": {
      const element = layoutOf(types, type.elementId);
      return { kind: "array", size: element.size * type.length, length: type.length, element };
    }
    case "struct":
    case "union":
      return {
        kind: type.kind,
        size: type.size,
        ...named(type.name),
        fields: type.members.flatMap((member) => fieldsOf(types, member)),
      };
    case "alias":
      return layoutOf(types, type.typeId);
    case "variable":
      return layoutOf(types, type.typeId);
    default:
      throw new RangeError(`a value of type "${type.name || type.kind}" has no layout`);
  }
}

function named(name: string): { typeName?: string } {
  return name ? { typeName: name } : {};
}

function intLayout(type: { size: number; signed: boolean; bool: boolean }): Layout {
  if (type.bool) return { kind: "bool", size: type.size };
  if (type.size > 8) {
    return { kind: "array", size: type.size, length: type.size, element: { kind: "u8", size: 1 } };
  }
  return { kind: `${type.signed ? "s" : "u"}${type.size * 8}` as FieldKind, size: type.size };
}

function fieldsOf(types: readonly BtfType[], member: Member): Field[] {
  if (member.bitWidth > 0) {
    const bits = member.bitOffset % 8;
    return [
      {
        name: member.name,
        kind: "bitfield",
        offset: (member.bitOffset - bits) / 8,
        size: Math.ceil((bits + member.bitWidth) / 8),
        bitOffset: bits,
        bitWidth: member.bitWidth,
      },
    ];
  }
  const layout = layoutOf(types, member.typeId);
  const offset = member.bitOffset / 8;
  if (member.name === "" && layout.fields) {
    return layout.fields.map((field) => ({ ...field, offset: field.offset + offset }));
  }
  return [{ name: member.name, offset, ...layout }];
}
