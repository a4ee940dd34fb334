/** What the contract says of a value, as far as this contract says it. */
export interface Schema {
  $ref?: string;
  type?: string | string[];
  enum?: unknown[];
  required?: string[];
  properties?: Record<string, Schema>;
  items?: Schema;
  additionalProperties?: boolean | Schema;
}

/** What of a value the contract does not have, or has otherwise; a line each. */
export function faults(
  value: unknown,
  schema: Schema,
  resolve: (schema: Schema) => Schema,
  path = "",
): string[] {
  const { type, enum: words, required = [], properties, items, ...rest } = resolve(schema);
  const at = path === "" ? "" : `${path}: `;
  const below = (name: string): string => (path === "" ? name : `${path}.${name}`);
  const types = type === undefined ? [] : [type].flat();
  const kind = kindOf(value);
  const isOfType = types.includes(kind) || (kind === "integer" && types.includes("number"));
  if (types.length > 0 && !isOfType) return [`${at}${kind} is not ${types.join(" or ")}`];
  if (words !== undefined && !words.includes(value))
    return [`${at}${JSON.stringify(value)} is not one of ${words.join(", ")}`];
  if (Array.isArray(value))
    return items === undefined
      ? []
      : value.flatMap((one, index) => faults(one, items, resolve, `${path}[${index}]`));
  if (kind !== "object") return [];
  const found = value as Record<string, unknown>;
  const absent = required.filter((name) => !Object.hasOwn(found, name));
  const more = rest.additionalProperties ?? properties === undefined;
  const wrong = Object.entries(found).flatMap(([name, one]) => {
    const of = properties?.[name] ?? (typeof more === "object" ? more : undefined);
    if (of !== undefined) return faults(one, of, resolve, below(name));
    return more === true ? [] : [`${below(name)}: the contract does not have it`];
  });
  return [...absent.map((name) => `${below(name)}: is missing`), ...wrong];
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  if (typeof value === "number") return Number.isInteger(value) ? "integer" : "number";
  return typeof value;
}
