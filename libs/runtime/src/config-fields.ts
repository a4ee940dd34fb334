import { z } from "zod";

/** One field of a configuration schema, for help texts and error messages. */
export interface ConfigField {
  /** Dotted: `batch.maxWaitMs`. */
  path: string;
  /** `number`, `whole number`, `text`, `true or false`, `list`, `mapping`, or the choices. */
  type: string;
  /** `between 1 and 100`, `at most 64 characters`; empty when unbounded. */
  bounds: string;
  /** Default as JSON; undefined when the field must be given or may be absent. */
  defaultText: string | undefined;
  required: boolean;
  doc: string;
}

interface JsonSchema {
  type?: string | string[];
  description?: string;
  default?: unknown;
  enum?: unknown[];
  const?: unknown;
  anyOf?: JsonSchema[];
  properties?: Record<string, JsonSchema>;
  required?: string[];
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
  minLength?: number;
  maxLength?: number;
  maxItems?: number;
  pattern?: string;
  format?: string;
  items?: JsonSchema;
  additionalProperties?: unknown;
}

/** The leaves of the schema in its order. */
export function configFields(schema: z.ZodObject): ConfigField[] {
  return collect(
    z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }) as JsonSchema,
    "",
    {},
  );
}

/** Paths of fields that lack a doc text or a bound; each app's test expects none. */
export function unboundedFields(schema: z.ZodObject): string[] {
  return configFields(schema)
    .filter((field) => field.doc === "" || (field.bounds === "" && needsBounds(field.type)))
    .map((field) => field.path);
}

/** The help text of a station's fields, one paragraph a field, to be printed under `--help`. */
export function renderConfigHelp(schema: z.ZodObject, width = 96): string {
  const lines: string[] = [];
  for (const field of configFields(schema)) {
    const bounds = field.bounds ? `, ${field.bounds}` : "";
    const fallback = field.required
      ? "required"
      : field.defaultText === undefined
        ? "optional"
        : `default ${field.defaultText}`;
    lines.push(`  ${field.path}  (${field.type}${bounds}; ${fallback})`);
    lines.push(...wrap(field.doc, width - 6).map((line) => `      ${line}`));
  }
  return lines.join("\n");
}

function collect(schema: JsonSchema, at: string, given: Record<string, unknown>): ConfigField[] {
  const fields: ConfigField[] = [];
  for (const [name, inner] of Object.entries(schema.properties ?? {})) {
    const path = at + name;
    const fallback = name in given ? given[name] : inner.default;
    if (inner.properties) {
      const defaults = isRecord(fallback) ? fallback : {};
      fields.push(...collect(inner, `${path}.`, defaults));
      continue;
    }
    const described = describeType(inner);
    fields.push({
      path,
      ...described,
      defaultText: fallback === undefined ? undefined : JSON.stringify(fallback),
      required: fallback === undefined && (schema.required ?? []).includes(name),
      doc: inner.description ?? "",
    });
  }
  return fields;
}

function describeType(schema: JsonSchema): { type: string; bounds: string } {
  if (schema.enum) return { type: schema.enum.map(String).join(" | "), bounds: "" };
  if (schema.const !== undefined) return { type: JSON.stringify(schema.const), bounds: "" };
  if (schema.anyOf) {
    const parts = schema.anyOf.map(describeType);
    const bounds = parts.map((part) => part.bounds).filter(Boolean);
    return { type: parts.map((part) => part.type).join(" or "), bounds: bounds.join(", ") };
  }
  switch (schema.type) {
    case "integer":
      return { type: "whole number", bounds: range(schema) };
    case "number":
      return { type: "number", bounds: range(schema) };
    case "boolean":
      return { type: "true or false", bounds: "" };
    case "array":
      return { type: "list", bounds: atMost(schema.maxItems, "entries") };
    case "string":
      return { type: "text", bounds: textBounds(schema) };
    case "null":
      return { type: "null", bounds: "" };
    default:
      return { type: "mapping", bounds: "" };
  }
}

function textBounds(schema: JsonSchema): string {
  const bounds = [atMost(schema.maxLength, "characters")];
  if (schema.format) bounds.push(schema.format);
  if (schema.pattern) bounds.push(`like ${schema.pattern}`);
  return bounds.filter(Boolean).join(", ");
}

function range(schema: JsonSchema): string {
  const low = schema.minimum ?? schema.exclusiveMinimum;
  const high = schema.maximum ?? schema.exclusiveMaximum;
  // z.int() alone says "safe integer", which bounds nothing that matters.
  const hasLow = low !== undefined && low > Number.MIN_SAFE_INTEGER;
  const hasHigh = high !== undefined && high < Number.MAX_SAFE_INTEGER;
  return hasLow && hasHigh ? `between ${low} and ${high}` : "";
}

function atMost(count: number | undefined, unit: string): string {
  return count === undefined ? "" : `at most ${count} ${unit}`;
}

function needsBounds(type: string): boolean {
  return /^(whole number|number|text|list)( or .*)?$/.test(type);
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/\s+/).filter(Boolean)) {
    if (line !== "" && line.length + word.length + 1 > width) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return line === "" ? lines : [...lines, line];
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
