import { stringify } from "yaml";
import { sanitize } from "./sanitize.ts";

/** A value as a YAML document that ends in a newline, safe to print on a terminal. */
export function yamlText(value: unknown): string {
  return sanitize(stringify(value, { lineWidth: 0 }));
}
