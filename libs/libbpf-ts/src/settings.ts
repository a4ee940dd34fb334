import type { Btf } from "./btf.ts";
import type { Value } from "./codec.ts";
import { codecOf } from "./codec.ts";
import { checked, refusal } from "./error.ts";
import type { Handle } from "./native.ts";
import { native } from "./native.ts";

export function isReadOnly(section: string): boolean {
  return section === ".rodata" || section.startsWith(".rodata.");
}

/**
 * Writes `const volatile` globals before load, where the verifier takes them for constants.
 * Throws BpfError ENOENT for a name that is no such global; RangeError or TypeError for a value
 * that its type cannot hold.
 */
export function applySettings(object: Handle, btf: Btf, settings: Record<string, Value>): void {
  const variables = btf.variables(isReadOnly);
  for (const [name, value] of Object.entries(settings)) {
    const variable = variables.get(name);
    if (!variable) throw unknown(name, btf, [...variables.keys()]);
    const bytes = codecOf<Value>(variable.layout, name).encode(value);
    checked(
      `set ${name}`,
      native.objectSetInitial(object, variable.section, variable.offset, bytes),
    );
  }
}

function unknown(name: string, btf: Btf, known: string[]): Error {
  const elsewhere = btf.variables((section) => section !== "license").get(name);
  const hint = elsewhere
    ? `it is in ${elsewhere.section}, not const volatile: write it through globals after load`
    : `the object has ${known.join(", ") || "none"}`;
  return refusal(`set ${name}`, "ENOENT", hint);
}
