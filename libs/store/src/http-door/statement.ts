/** An INSERT whose data travels beside it. */
export interface InsertWithData {
  /** `INSERT INTO t (a, b)`. */
  head: string;
  /** SETTINGS of the statement. */
  settings: Record<string, string>;
  format: string;
  /** Where the data begin in `text`, when they follow the statement. */
  dataAt: number;
}

const name = '(?:`[^`]+`|"[^"]+"|\\w+)';
const insertPattern = new RegExp(
  `^\\s*(insert\\s+into\\s+(?:table\\s+)?${name}(?:\\.${name})?\\s*(?:\\([^()]*(?:\\([^()]*\\)[^()]*)*\\))?)` +
    "\\s*(?:settings\\s+(.*?))?\\s*format\\s+(\\w+)[ \\t]*(?:;|\\r?\\n|$)",
  "is",
);

/** The parts of `INSERT INTO t (a, b) SETTINGS x = 1 FORMAT Native`, or undefined for anything else. */
export function insertWithData(text: string): InsertWithData | undefined {
  const match = insertPattern.exec(text);
  if (match === null) return undefined;
  const [whole, head = "", settingsText = "", format = ""] = match;
  if (/^values$/i.test(format)) return undefined;
  const settings: Record<string, string> = {};
  for (const [, setting = "", quoted, bare] of settingsText.matchAll(
    /(\w+)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|([^,\s]+))/g,
  ))
    settings[setting] = quoted ?? bare ?? "";
  return { head: head.trim(), settings, format, dataAt: whole.length };
}

/** The format that a statement asks for itself. */
export function formatOf(sql: string): string | undefined {
  return /\bformat\s+(\w+)\s*(?:settings\b[^']*)?;?\s*$/i.exec(sql)?.[1];
}
