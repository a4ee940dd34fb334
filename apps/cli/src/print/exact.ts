/** JSON with whole numbers as they are, however large: those that a number cannot hold are bigint. */
export function parseExactly(text: string): unknown {
  return JSON.parse(text, (_key, value: unknown, context?: { source?: string }) => {
    const { source = "" } = context ?? {};
    const isCut =
      typeof value === "number" && !Number.isSafeInteger(value) && /^-?\d+$/.test(source);
    return isCut ? BigInt(source) : value;
  });
}

export function isNumber(value: unknown): value is number | bigint {
  return typeof value === "number" || typeof value === "bigint";
}

/** JSON of a value in which such numbers are. */
export function jsonText(value: unknown): string | undefined {
  return JSON.stringify(value, (_key, one: unknown) =>
    typeof one === "bigint" ? raw.rawJSON(String(one)) : one,
  );
}

/** Node has it, and the types of TypeScript do not yet. */
const raw = JSON as unknown as { rawJSON(text: string): unknown };
