import { readFileSync } from "node:fs";
import { nameType, type RowColumn, timeType } from "./table.ts";

type AvroType = string | AvroType[] | AvroObject;
interface AvroObject {
  type: string;
  logicalType?: string;
  symbols?: string[];
  items?: AvroType;
  values?: AvroType;
  fields?: AvroField[];
  size?: number;
}
interface AvroField {
  name: string;
  type: AvroType;
  doc?: string;
}

/** What a table adds to a field: how its values lie on disk. */
interface Storage<Row> {
  /** The field, where the column has another name. */
  field?: string;
  /** Of numbers; Avro's int has no width. */
  bits?: 8 | 16 | 32 | 64;
  /** A text of its own in each row, not one of a dictionary; for a map, its values. */
  isText?: boolean;
  /** An enum as text. */
  isNamed?: boolean;
  /** 0 is unknown in the record, NULL in the table. */
  isNullable?: boolean;
  codec?: string;
  /** Where the column is not quite what the field is. */
  comment?: string;
  of?: (row: Row) => unknown;
}

const directory = new URL("../../../../schemas/events/", import.meta.url);

/** Columns of the fields of a record of schemas/events, by name; `path` leads into lists of records. */
export function recordColumns<Row = never>(topic: string, ...path: string[]) {
  const fields = new Map(fieldsOf(topic, path).map((field) => [field.name, field]));
  return <const Name extends string>(
    name: Name,
    storage: Storage<Row> = {},
  ): RowColumn<Row> & { name: Name } => {
    const field = fields.get(storage.field ?? name);
    if (field === undefined) throw new TypeError(`${topic} has no field ${storage.field ?? name}`);
    const type = columnType(field.type, storage);
    return {
      name,
      type: storage.isNullable ? `Nullable(${type})` : type,
      comment: storage.comment ?? docOf(field, storage.isNullable ?? false),
      codec: storage.codec,
      of: storage.of ?? ((row) => (row as Record<string, unknown>)[name]),
    };
  };
}

function fieldsOf(topic: string, path: string[]): AvroField[] {
  const text = readFileSync(new URL(`${topic}.avsc`, directory), "utf8");
  let { fields = [] } = JSON.parse(text) as AvroObject;
  for (const name of path) {
    const list = fields.find((one) => one.name === name)?.type as AvroObject | undefined;
    fields = (list?.items as AvroObject | undefined)?.fields ?? [];
  }
  return fields;
}

function docOf({ doc = "" }: AvroField, isNullable: boolean): string {
  return isNullable ? doc.replace(/; 0: unknown\.$/, ".") : doc;
}

const noStorage: Storage<never> = {};

function columnType(type: AvroType, storage: Storage<never>): string {
  if (Array.isArray(type)) {
    const known = type.find((one) => one !== "null") ?? "null";
    const inner = columnType(known, storage);
    // A text that is not there is empty.
    return /String/.test(inner) ? inner : `Nullable(${inner})`;
  }
  if (typeof type !== "string") return complexType(type, storage);
  switch (type) {
    case "string":
      return storage.isText ? "String" : nameType;
    case "bytes":
      return "String";
    case "boolean":
      return "Bool";
    case "int":
      return `UInt${storage.bits ?? 32}`;
    case "long":
      return `UInt${storage.bits ?? 64}`;
    default:
      throw new TypeError(`no column holds a ${type}`);
  }
}

function complexType(type: AvroObject, storage: Storage<never>): string {
  if (type.logicalType === "timestamp-micros") return timeType;
  const { symbols = [], items = "null", values = "null" } = type;
  switch (type.type) {
    case "enum":
      if (storage.isNamed) return nameType;
      return `Enum8(${symbols.map((symbol, code) => `'${symbol}' = ${code}`).join(", ")})`;
    case "array":
      return `Array(${columnType(items, noStorage)})`;
    case "map":
      return `Map(${nameType}, ${columnType(values, storage)})`;
    case "fixed":
      return "IPv6";
    default:
      return columnType(type.type, storage);
  }
}
