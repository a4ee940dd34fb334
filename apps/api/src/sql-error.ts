/** What the engine says of a statement that it cannot read. */
const syntax =
  /Syntax error(?: \([^)]*\))?: failed at position (\d+)(?: \((?:[^)]|\)(?!\s*[.:(]))*\))?(?: \(line \d+, col \d+\))?/;
/** Words that could stand there, where these are few. */
const expected = /\. Expected (?:one of: )?(.*?)(?:: In scope .*)?\. \(SYNTAX_ERROR\)$/s;
const maxExpected = 8;
/** Characters shown around the place. */
const maxBefore = 60;
const maxAfter = 18;

/**
 * The engine's message for people: a place in the statement as a caret below it, and without the names
 * of its code. `query` is what was asked.
 */
export function sqlErrorText(message: string, query: string): string {
  const position = Number(syntax.exec(message)?.[1] ?? 0);
  if (position === 0) return plain(message);
  // The engine counts bytes, from one.
  const bytes = Buffer.from(query);
  const before = bytes.subarray(0, position - 1).toString("utf8");
  const after = bytes.subarray(position - 1).toString("utf8");
  const line = {
    before: before.slice(before.lastIndexOf("\n") + 1),
    after: /^.*/.exec(after)?.[0] ?? "",
  };
  const cutBefore =
    line.before.length > maxBefore ? `…${line.before.slice(-maxBefore)}` : line.before;
  const width = Math.max(1, /^(\w+|.)?/.exec(line.after)?.[0].length ?? 1);
  const room = Math.max(width, maxAfter);
  const cutAfter = line.after.length > room ? `${line.after.slice(0, room)}…` : line.after;
  const words = [...new Set(expected.exec(message)?.[1]?.split(", ") ?? [])];
  const hint =
    words.length > 0 && words.length <= maxExpected ? `; it takes ${words.join(", ")}` : "";
  const where = line.after.trim() === "" ? "the statement ends too early" : "a syntax error";
  const shown = `${cutBefore}${cutAfter}`.replaceAll("\t", " ");
  return `${where}${hint}\n  ${shown}\n  ${" ".repeat(cutBefore.length)}${"^".repeat(width)}`;
}

/** `Unknown expression identifier ... Maybe you meant: ['src_port']` */
function plain(message: string): string {
  return message
    .replace(/^Code: \d+\. DB::Exception: /, "")
    .replace(/ \([A-Z_]+\)$/, "")
    .replace(/\?\.$/, "?");
}
