import type { Path, Problem } from "./problem.ts";
import { quote } from "./problem.ts";
import { didYouMean } from "./spelling.ts";

export type Fields = Record<string, unknown>;

/**
 * Looks at a value from outside and collects what is wrong with it. Like the API server's decoder
 * it takes null for absent; unlike it, it goes on after the first mistake.
 */
export class Examiner {
  readonly problems: Problem[] = [];

  refuse(path: Path, text: string): void {
    this.problems.push({ path, severity: "error", text });
  }

  refuseKey(path: Path, text: string): void {
    this.problems.push({ path, onKey: true, severity: "error", text });
  }

  warn(path: Path, text: string): void {
    this.problems.push({ path, severity: "warning", text });
  }

  get failed(): boolean {
    return this.problems.some((problem) => problem.severity === "error");
  }

  /** An object's fields. With `known`, every other field is an error. Undefined where it is none. */
  fields(value: unknown, path: Path, known?: readonly string[]): Fields | undefined {
    if (value === undefined || value === null) return undefined;
    if (typeof value !== "object" || Array.isArray(value)) {
      this.refuse(path, `must be an object, not ${quote(value)}`);
      return undefined;
    }
    for (const key of known === undefined ? [] : Object.keys(value)) {
      if (known?.includes(key)) continue;
      const meant = didYouMean(key, known as string[]);
      const todo =
        meant === undefined ? `known here: ${known?.join(", ")}` : `did you mean ${meant}?`;
      this.refuseKey([...path, key], `unknown field: ${todo}`);
    }
    return value as Fields;
  }

  list(value: unknown, path: Path): unknown[] | undefined {
    if (value === undefined || value === null) return undefined;
    if (Array.isArray(value)) return value;
    this.refuse(path, `must be a list, not ${quote(value)}: begin each item with "- "`);
    return undefined;
  }

  text(value: unknown, path: Path): string | undefined {
    if (value === undefined || value === null) return undefined;
    if (typeof value === "string") return value;
    const scalar = typeof value === "number" || typeof value === "boolean";
    const todo = scalar ? `: write it in quotes, "${String(value)}"` : "";
    this.refuse(path, `must be text, not ${quote(value)}${todo}`);
    return undefined;
  }

  integer(value: unknown, path: Path): number | undefined {
    if (value === undefined || value === null) return undefined;
    if (typeof value === "number" && Number.isSafeInteger(value)) return value;
    this.refuse(path, `must be a whole number, not ${quote(value)}`);
    return undefined;
  }

  /** A map of texts; what is wrong with a key or value is refused by the two rules. */
  texts(
    value: unknown,
    path: Path,
    refuseKey?: (key: string) => string | undefined,
    refuseValue?: (text: string) => string | undefined,
  ): Record<string, string> | undefined {
    const fields = this.fields(value, path);
    if (fields === undefined) return undefined;
    const entries: [string, string][] = [];
    for (const [key, one] of Object.entries(fields)) {
      const wrongKey = refuseKey?.(key);
      if (wrongKey !== undefined)
        this.refuseKey([...path, key], `${quote(key)} is no key: ${wrongKey}`);
      // A map's null is the empty text: Go's decoder reads it so.
      const text = one === null ? "" : this.text(one, [...path, key]);
      if (text === undefined) continue;
      const wrong = refuseValue?.(text);
      if (wrong !== undefined) this.refuse([...path, key], `${quote(text)} is refused: ${wrong}`);
      entries.push([key, text]);
    }
    return Object.fromEntries(entries);
  }
}
