/** What is wrong with an object, and where in it. */

/** Field names and list indices from the object's root. */
export type Path = readonly (string | number)[];

export interface Problem {
  path: Path;
  /** The trouble is the field's name, not its value. */
  onKey?: boolean;
  severity: "error" | "warning";
  /** What is wrong, then what to do: `70000 is no port: use 1 to 65535`. */
  text: string;
}

/** Where something stands in a text. Lines and columns count from 1. */
export interface Place {
  file: string;
  line: number;
  column: number;
}

export interface Diagnostic extends Place {
  severity: "error" | "warning";
  /** Path of the field and what is wrong with it. */
  text: string;
}

/** `spec.ingress[0].ports[1].port` */
export function formatPath(path: Path): string {
  return path
    .map((step, index) => {
      if (typeof step === "number") return `[${step}]`;
      const plain = /^[A-Za-z_][\w-]*$/.test(step);
      return plain ? `${index === 0 ? "" : "."}${step}` : `[${JSON.stringify(step)}]`;
    })
    .join("");
}

/** One line, as compilers write it. Control characters of the text are escaped. */
export function formatDiagnostic(diagnostic: Diagnostic): string {
  const { file, line, column, severity, text } = diagnostic;
  const safe = `${file}:${line}:${column}: ${severity}: ${text}`;
  return safe.replace(
    /[\p{Cc}\p{Cf}\u2028\u2029]/gu,
    (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`,
  );
}

/** A value from outside, short enough for a message. */
export function quote(value: unknown): string {
  // JSON has no word for what is no finite number.
  const text = typeof value === "number" ? String(value) : (JSON.stringify(value) ?? String(value));
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
