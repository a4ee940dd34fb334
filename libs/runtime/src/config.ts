import { readFileSync } from "node:fs";
import { parse as parseYaml } from "yaml";
import type { z } from "zod";
import { configFields } from "./config-fields.ts";
import type { ConfigField } from "./config-fields.ts";

export interface ConfigSources {
  /** YAML or JSON. It must exist and hold one mapping. */
  file?: string;
  /** Highest precedence, e.g. from command-line flags; `undefined` values do not count. */
  overrides?: Record<string, unknown>;
  /** `PREFIX_FIELD_NAME` sets `fieldName`, `PREFIX_OUTER_INNER` sets `outer.inner`; YAML scalars. */
  env?: { prefix: string; values: NodeJS.ProcessEnv };
}

/** Wrong configuration; the message names each field and what to do about it. Exit code 2. */
export class ConfigError extends Error {
  readonly problems: string[];
  constructor(problems: string[], from: string) {
    super(`configuration${from}: ${problems.join("; ")}`);
    this.name = "ConfigError";
    this.problems = problems;
  }
}

/**
 * The configuration of a station: schema defaults, then the file, then the environment, then the
 * overrides. Throws ConfigError for an unreadable file, a field that does not exist and a value
 * out of bounds, all problems at once.
 */
export function loadConfig<Schema extends z.ZodObject>(
  schema: Schema,
  sources: ConfigSources = {},
): z.output<Schema> {
  const from = sources.file === undefined ? "" : ` (${sources.file})`;
  const fields = configFields(schema);
  const merged: Record<string, unknown> = sources.file === undefined ? {} : readFile(sources.file);
  if (sources.env) mergeInto(merged, readEnvironment(fields, sources.env));
  mergeInto(merged, sources.overrides ?? {});
  const result = schema.safeParse(merged);
  const problems = unknownFields(merged, fields);
  for (const issue of result.error?.issues ?? []) {
    if (issue.code !== "unrecognized_keys") problems.push(describeIssue(issue, fields));
  }
  if (problems.length > 0 || !result.success) throw new ConfigError(problems, from);
  return result.data;
}

function readFile(path: string): Record<string, unknown> {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new ConfigError([`cannot read the file: ${(error as Error).message}`], ` (${path})`);
  }
  let value: unknown;
  try {
    value = parseYaml(text) as unknown;
  } catch (error) {
    throw new ConfigError([`not YAML: ${(error as Error).message.trim()}`], ` (${path})`);
  }
  if (value === null || value === undefined) return {};
  if (!isMapping(value)) {
    throw new ConfigError(
      ["the file must hold one mapping, `field: value` per line"],
      ` (${path})`,
    );
  }
  return value;
}

function readEnvironment(
  fields: ConfigField[],
  env: { prefix: string; values: NodeJS.ProcessEnv },
): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  for (const field of fields) {
    const text = env.values[environmentName(env.prefix, field.path)];
    if (text === undefined) continue;
    // A text field takes the variable as it is: YAML would turn `on` or `1.10` into something else.
    setPath(found, field.path, field.type.startsWith("text") ? text : (parseYaml(text) as unknown));
  }
  return found;
}

/** `WEIR_ENRICHER`, `batch.maxWaitMs` -> `WEIR_ENRICHER_BATCH_MAX_WAIT_MS`. */
export function environmentName(prefix: string, path: string): string {
  const words = path.replaceAll(/([a-z0-9])([A-Z])/g, "$1_$2").replaceAll(".", "_");
  return `${prefix}_${words.toUpperCase()}`;
}

function setPath(target: Record<string, unknown>, path: string, value: unknown): void {
  const steps = path.split(".");
  let at = target;
  for (const step of steps.slice(0, -1)) {
    const next = at[step];
    if (isMapping(next)) at = next;
    else {
      const made: Record<string, unknown> = {};
      at[step] = made;
      at = made;
    }
  }
  at[steps.at(-1) ?? path] = value;
}

function mergeInto(target: Record<string, unknown>, source: Record<string, unknown>): void {
  for (const [key, value] of Object.entries(source)) {
    if (value === undefined || key === "__proto__") continue;
    const held = target[key];
    if (isMapping(value) && isMapping(held)) mergeInto(held, value);
    else target[key] = isMapping(value) ? structuredClone(value) : value;
  }
}

function unknownFields(given: Record<string, unknown>, fields: ConfigField[], at = ""): string[] {
  const problems: string[] = [];
  for (const [key, value] of Object.entries(given)) {
    const path = at + key;
    const isLeaf = fields.some((field) => field.path === path);
    const isSection = fields.some((field) => field.path.startsWith(`${path}.`));
    if (isLeaf) continue;
    if (isSection) {
      if (isMapping(value)) problems.push(...unknownFields(value, fields, `${path}.`));
      continue;
    }
    const known = fields.filter((field) => field.path.startsWith(at)).map((field) => field.path);
    problems.push(`${path}: there is no such field; known are ${known.join(", ")}`);
  }
  return problems;
}

function describeIssue(issue: z.core.$ZodIssue, fields: ConfigField[]): string {
  const path = issue.path.map(String).join(".");
  const field = fields.find((known) => known.path === path);
  const expected = field ? `; expected ${field.type}${field.bounds ? ` ${field.bounds}` : ""}` : "";
  const doc = field?.doc ? ` (${field.doc})` : "";
  return `${path || "(the file)"}: ${lowerFirst(issue.message)}${expected}${doc}`;
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
