/** `text` as a string literal of ClickHouse SQL. */
export function stringLiteral(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}

/** `name` as a quoted identifier. */
export function identifier(name: string): string {
  return `\`${name.replaceAll("\\", "\\\\").replaceAll("`", "\\`")}\``;
}

/** Statements of a migration file: split at semicolons outside quotes, comments taken out. */
export function splitStatements(file: string): string[] {
  const statements: string[] = [];
  let statement = "";
  for (const [token] of file.matchAll(/--[^\n]*|'(?:[^'\\]|\\.|'')*'|`[^`]*`|;|[^-'`;]+|-/g)) {
    if (token.startsWith("--")) continue;
    if (token === ";") {
      if (statement.trim() !== "") statements.push(statement.trim());
      statement = "";
    } else statement += token;
  }
  if (statement.trim() !== "") statements.push(statement.trim());
  return statements;
}

/** Value of a {name:Type} parameter, as ClickHouse reads it: the escaped text format. */
export function parameterText(value: string | number | boolean | string[] | number[]): string {
  if (Array.isArray(value))
    return `[${value.map((item) => (typeof item === "string" ? stringLiteral(item) : item)).join(",")}]`;
  if (typeof value !== "string") return String(value);
  return value
    .replaceAll("\\", "\\\\")
    .replaceAll("\t", "\\t")
    .replaceAll("\n", "\\n")
    .replaceAll("\r", "\\r")
    .replaceAll("\0", "\\0");
}
