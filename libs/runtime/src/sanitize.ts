/**
 * Characters that can move a cursor, recolour, reorder or hide text on a terminal: C0 (but not tab
 * and newline), DEL, C1, bidirectional controls, zero-width and tag characters, line separators.
 */
const UNSAFE =
  // eslint-disable-next-line no-control-regex
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]/gu;

/**
 * Makes text from outside safe to print on a terminal: every control, bidi or invisible character
 * becomes its visible escape (`\x1b`, `\u202e`). Tabs and newlines pass unless `oneLine`, where
 * they are escaped as well.
 */
export function sanitize(text: string, oneLine = false): string {
  const escaped = text.replace(UNSAFE, visibleEscape);
  return oneLine
    ? escaped.replaceAll("\n", String.raw`\n`).replaceAll("\t", String.raw`\t`)
    : escaped;
}

/** The same for a line of JSON: the escapes are JSON's own, so that parsing gives the text back. */
export function sanitizeJson(line: string): string {
  return line.replace(UNSAFE, jsonEscape);
}

function visibleEscape(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x1_00) return String.raw`\x` + code.toString(16).padStart(2, "0");
  if (code < 0x1_00_00) return String.raw`\u` + code.toString(16).padStart(4, "0");
  return String.raw`\u{` + code.toString(16) + "}";
}

function jsonEscape(character: string): string {
  let escaped = "";
  for (let unit = 0; unit < character.length; unit++) {
    escaped += String.raw`\u` + character.charCodeAt(unit).toString(16).padStart(4, "0");
  }
  return escaped;
}
