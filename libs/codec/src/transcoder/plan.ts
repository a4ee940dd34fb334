import avro from "avsc";

/** Where a field of a C struct lies. */
export interface FieldLayout {
  offset: number;
  bytes: number;
}

/**
 * How a field of the struct becomes a field of the record where the type alone does not say it.
 * A `clock` is nanoseconds that become microseconds of wall time.
 */
export type FieldMapping =
  /** Less the same field of the row before; of the first row, less the block's base. */
  | { kind: "clock"; sinceRowBefore: true }
  /** Less than another clock of the same row by so much. */
  | { kind: "clock"; before: string }
  /** Less the same field of the latest row in which the u16 field `per` was the same; else itself. */
  | { kind: "running"; per: string }
  /** 16 bytes, by their index in a list of the distinct ones. */
  | { kind: "listed" }
  /** The low half of 8 bytes: whoever encodes has put an index there. */
  | { kind: "index" };

export interface FieldPlan extends FieldLayout {
  name: string;
  /** Highest value that the record may hold, as an unsigned integer; counters stop there. */
  most: bigint;
  type: "number" | "enum" | "bits32" | "fixed" | "clock" | "running" | "listed";
  mapping?: FieldMapping;
}

/** Largest number that avsc carries, and half of it where differences must fit as well. */
const maxNumber = 2n ** 53n - 2n;
const maxDifference = 2n ** 52n - 1n;

/**
 * What to generate for each field of the record, in the record's order. Throws TypeError for a
 * field that the struct has not, or whose types do not fit each other.
 */
export function planFields(
  layout: Readonly<Record<string, FieldLayout>>,
  record: avro.types.RecordType,
  mapping: Readonly<Record<string, FieldMapping>>,
): FieldPlan[] {
  const plans = record.fields.map(({ name, type }): FieldPlan => {
    const place = layout[name];
    if (place === undefined) throw new TypeError(`the struct has no field ${name}`);
    const plan = planField(place.bytes, type, mapping[name]);
    if (plan === undefined) {
      const as = mapping[name]?.kind ?? "itself";
      throw new TypeError(`${name}: ${place.bytes} bytes as ${as} are no Avro ${type.typeName}`);
    }
    return { name, ...place, ...plan };
  });
  for (const plan of plans) checkRelation(plan, plans);
  return plans;
}

/** Throws TypeError for a field that is to be read from another which is not what that takes. */
function checkRelation({ name, mapping }: FieldPlan, plans: readonly FieldPlan[]): void {
  if (mapping === undefined) return;
  const find = (other: string): FieldPlan | undefined => plans.find((one) => one.name === other);
  if (mapping.kind === "running" && find(mapping.per)?.bytes !== 2)
    throw new TypeError(`${name}: ${mapping.per}, which it runs per, is no u16`);
  if (mapping.kind !== "clock" || !("before" in mapping)) return;
  // Up the chain to a clock that needs no other.
  const seen = new Set([name]);
  for (let next: string | undefined = mapping.before; next !== undefined;) {
    const later = find(next);
    if (later?.mapping?.kind !== "clock" || seen.has(next))
      throw new TypeError(`${name}: ${next}, which it is before, is no clock of its own`);
    seen.add(next);
    next = "before" in later.mapping ? later.mapping.before : undefined;
  }
}

function planField(
  bytes: number,
  type: avro.Type,
  mapping: FieldMapping | undefined,
): (Pick<FieldPlan, "type" | "most" | "mapping"> & { bytes?: number }) | undefined {
  if (mapping?.kind === "index") {
    return bytes === 8 && type.typeName === "int"
      ? { type: "bits32", most: 2n ** 32n - 1n, bytes: 4 }
      : undefined;
  }
  if (mapping !== undefined) {
    const fits =
      mapping.kind === "listed"
        ? bytes === 16 && type.typeName === "int"
        : bytes === 8 && type.typeName === "long";
    const most = mapping.kind === "listed" ? 2n ** 31n - 1n : maxDifference;
    return fits ? { type: mapping.kind, most, mapping } : undefined;
  }
  if (type instanceof avro.types.EnumType) {
    return bytes === 1 ? { type: "enum", most: BigInt(type.symbols.length - 1) } : undefined;
  }
  if (type instanceof avro.types.FixedType) {
    return type.size === bytes && bytes % 8 === 0 ? { type: "fixed", most: 0n } : undefined;
  }
  if (type.typeName === "int" && bytes === 4) return { type: "bits32", most: 2n ** 32n - 1n };
  const fits = [1, 2, 8].includes(bytes) && type.typeName === (bytes === 8 ? "long" : "int");
  if (!fits) return undefined;
  return { type: "number", most: bytes === 8 ? maxNumber : 2n ** BigInt(8 * bytes) - 1n };
}

/** Shortest and longest encoding of one record, bytes. */
export function recordBounds(plans: readonly FieldPlan[]): { least: number; most: number } {
  const longest = ({ bytes, type, most }: FieldPlan): number => {
    if (type === "fixed") return bytes;
    if (type === "enum") return most < 64n ? 1 : 2;
    if (type === "listed" || bytes === 4) return 5;
    return bytes === 8 ? 8 : bytes === 2 ? 3 : 2;
  };
  return {
    least: plans.reduce((sum, plan) => sum + (plan.type === "fixed" ? plan.bytes : 1), 0),
    most: plans.reduce((sum, plan) => sum + longest(plan), 0),
  };
}
