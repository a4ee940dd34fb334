/**
 * A reader for the YAML and JSON that nearly all manifests are: blocks and one-line collections with
 * plain or simply quoted words, and JSON on any number of lines. It is some ten times as fast as the
 * library, which makes an object of every token.
 *
 * It never decides what is unclear: whatever is not surely one thing (escapes beyond JSON's, several
 * lines of one text, anchors, tags, yes and no, keys that stand twice, values left empty, tabs) is
 * left to the library, whole document. A property test holds what it does read to the library.
 */
import type { Path } from "./problem.ts";

export interface PlainDocument {
  value: unknown;
  /** Where the value begins, and where the document's last word ends. */
  start: number;
  end: number;
  /** Offset of a field, or of the nearest thing around it that exists. */
  offsetOf: (path: Path, onKey: boolean) => number;
}

/** Where the parts of a list or object begin. */
interface Places {
  keys: string[] | undefined;
  keyAt: number[];
  at: number[];
}

const maxDepth = 64;

/** The library takes no longer keys on one line. */
const maxKeyLength = 500;

/** Tabs, and whatever may be the end of a line or nothing at all. */
const unclear = /(?!\n)[\p{Cc}\u2028\u2029\ufeff]/u;

const spaces = / */y;
const restOfLine = / *(?: #[^\n]*)?(?:\n|$)/y;
const skippedLine = /(?: *(?:#[^\n]*)?\n)+/y;
const space = /[ \n]*/y;
const plainKey = /([A-Za-z_][\w./-]*):(?=[ \n]|$)/y;
const quotedKey = /("[^"\\\n]*"):(?=[ \n]|$)/y;
const jsonKey = /("[^"\\\n]*") *:/y;
const item = /-(?=[ \n]|$)/y;
const doubleQuoted = /"(?:[^"\\\n]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const singleQuoted = /'[^'\n]*'/y;
const plainWords = /[\w./~][\w./@%+:()-]*(?: [\w./@(][\w./@%+:()-]*)*/y;

const decimal = /^(?:0|[1-9][0-9]{0,14})$/;
const word = /^[A-Za-z_/]/;
const reserved = /^(?:null|true|false|yes|no|on|off)$/i;
const addresses =
  /^(?:\d{1,3}(?:\.\d{1,3}){3}(?:\/\d{1,3})?|[0-9a-fA-F]{1,4}:[0-9a-fA-F:]*(?:\/\d{1,3})?)$/;

/** Thrown where the library is to read the document. */
class NotPlain extends Error {}

const notPlain = new NotPlain("this document is not plain");

/** One document that lies from `start` to `end` of the text; undefined where it is not plain. */
export function readPlain(text: string, start: number, end: number): PlainDocument | undefined {
  try {
    return new PlainReader(text, start, end).document();
  } catch (error) {
    if (error instanceof NotPlain) return undefined;
    throw error;
  }
}

class PlainReader {
  readonly #text: string;
  readonly #shift: number;
  readonly #places = new Map<object, Places>();
  #at = 0;
  /** Column of the next word, and whether nothing comes any more. */
  #column = 0;
  #isOver = false;
  /** Where the last word ended. */
  #end = 0;

  constructor(text: string, start: number, end: number) {
    this.#text = text.slice(start, end);
    this.#shift = start;
  }

  document(): PlainDocument | undefined {
    if (unclear.test(this.#text)) throw notPlain;
    this.#nextLine();
    if (this.#isOver) throw notPlain;
    const start = this.#at;
    const first = this.#text[start];
    const isFlow = first === "{" || first === "[";
    const value = isFlow ? this.#flow(0, true) : this.#block(0);
    if (isFlow) this.#endLine();
    if (!this.#isOver || typeof value !== "object" || value === null) throw notPlain;
    return {
      value,
      start: this.#shift + start,
      end: this.#shift + this.#end,
      offsetOf: (path, onKey) => this.#shift + this.#offsetOf(value, start, path, onKey),
    };
  }

  #match(what: RegExp): string | undefined {
    what.lastIndex = this.#at;
    const found = what.exec(this.#text);
    if (found === null) return undefined;
    this.#at = what.lastIndex;
    return found[1] ?? found[0];
  }

  /** To the first word of the next line that has one. */
  #nextLine(): void {
    this.#match(skippedLine);
    const lineStart = this.#at;
    this.#match(spaces);
    this.#column = this.#at - lineStart;
    if (this.#text[this.#at] === "#") {
      // The last line, without an end.
      this.#at = this.#text.length;
    }
    this.#isOver = this.#at >= this.#text.length;
  }

  /** Past what may stand behind a value. */
  #endLine(): void {
    const rest = this.#match(restOfLine);
    if (rest === undefined) throw notPlain;
    // A remark beside the last word belongs to the text.
    this.#end = this.#at - rest.length + (rest.includes("#") ? rest.trimEnd().length : 0);
    this.#nextLine();
  }

  #block(depth: number): unknown {
    if (depth > maxDepth) throw notPlain;
    return this.#isItem() ? this.#list(depth) : this.#object(depth);
  }

  #isItem(): boolean {
    item.lastIndex = this.#at;
    return item.test(this.#text);
  }

  #object(depth: number): Record<string, unknown> {
    const column = this.#column;
    const value: Record<string, unknown> = {};
    const places = this.#remember(value, []);
    while (!this.#isOver && this.#column === column && !this.#isItem()) {
      const keyAt = this.#at;
      const key = this.#match(plainKey) ?? this.#match(quotedKey);
      this.#addKey(value, places, keyAt, this.#nameOf(key));
      const afterKey = this.#at;
      this.#match(spaces);
      if (this.#isAtEndOfLine(afterKey)) {
        this.#endLine();
        // A list may stand right below its name.
        const isBelow = this.#column > column || (this.#column === column && this.#isItem());
        if (this.#isOver || !isBelow) throw notPlain;
        places.at.push(this.#at);
        this.#put(value, key, this.#block(depth + 1));
        if (!this.#isOver && this.#column > column) throw notPlain;
      } else {
        places.at.push(this.#at);
        this.#put(value, key, this.#inline(depth + 1));
        this.#endOfInline(column);
      }
    }
    return value;
  }

  #list(depth: number): unknown[] {
    const column = this.#column;
    const value: unknown[] = [];
    const places = this.#remember(value, undefined);
    while (!this.#isOver && this.#column === column && this.#isItem()) {
      this.#at++;
      const afterDash = this.#at;
      this.#match(spaces);
      if (this.#isAtEndOfLine(afterDash)) {
        this.#endLine();
        if (this.#isOver || this.#column <= column) throw notPlain;
        places.at.push(this.#at);
        value.push(this.#block(depth + 1));
      } else {
        places.at.push(this.#at);
        if (this.#beginsBlock()) {
          this.#column = column + this.#at - afterDash + 1;
          value.push(this.#block(depth + 1));
        } else {
          value.push(this.#inline(depth + 1));
          this.#endOfInline(column);
        }
      }
      if (!this.#isOver && this.#column > column) throw notPlain;
    }
    return value;
  }

  #beginsBlock(): boolean {
    return [plainKey, quotedKey, item].some((what) => {
      what.lastIndex = this.#at;
      return what.test(this.#text);
    });
  }

  #isAtEndOfLine(from: number): boolean {
    const next = this.#text[this.#at];
    return next === undefined || next === "\n" || (next === "#" && this.#at > from);
  }

  /** A value on the line of its key or dash; more of it on the next line is not plain. */
  #endOfInline(column: number): void {
    this.#endLine();
    if (!this.#isOver && this.#column > column) throw notPlain;
  }

  #inline(depth: number): unknown {
    const next = this.#text[this.#at];
    return next === "{" || next === "[" ? this.#flow(depth, false) : this.#scalar();
  }

  /** JSON and its like; over several lines only where nothing but it is in the document. */
  #flow(depth: number, isLoose: boolean): unknown {
    if (depth > maxDepth) throw notPlain;
    const gap = isLoose ? space : spaces;
    const next = this.#text[this.#at];
    if (next === "{") return this.#flowObject(depth, isLoose, gap);
    return next === "[" ? this.#flowList(depth, isLoose, gap) : this.#scalar();
  }

  #flowObject(depth: number, isLoose: boolean, gap: RegExp): Record<string, unknown> {
    const value: Record<string, unknown> = {};
    const places = this.#remember(value, []);
    this.#at++;
    this.#match(gap);
    if (this.#take("}")) return value;
    do {
      this.#match(gap);
      const keyAt = this.#at;
      const key = this.#match(jsonKey) ?? this.#match(plainKey);
      this.#addKey(value, places, keyAt, this.#nameOf(key));
      this.#match(gap);
      places.at.push(this.#at);
      this.#put(value, key, this.#flow(depth + 1, isLoose));
      this.#match(gap);
    } while (this.#take(","));
    if (!this.#take("}")) throw notPlain;
    return value;
  }

  #flowList(depth: number, isLoose: boolean, gap: RegExp): unknown[] {
    const value: unknown[] = [];
    const places = this.#remember(value, undefined);
    this.#at++;
    this.#match(gap);
    if (this.#take("]")) return value;
    do {
      this.#match(gap);
      places.at.push(this.#at);
      value.push(this.#flow(depth + 1, isLoose));
      this.#match(gap);
    } while (this.#take(","));
    if (!this.#take("]")) throw notPlain;
    return value;
  }

  #take(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #scalar(): unknown {
    const first = this.#text[this.#at];
    if (first === '"') {
      const quoted = this.#match(doubleQuoted);
      if (quoted === undefined) throw notPlain;
      return quoted.includes("\\") ? JSON.parse(quoted) : quoted.slice(1, -1);
    }
    if (first === "'") {
      const quoted = this.#match(singleQuoted);
      // Two quotes are one within the text.
      if (quoted === undefined || this.#text[this.#at] === "'") throw notPlain;
      return quoted.slice(1, -1);
    }
    const plain = this.#match(plainWords);
    if (plain === undefined) throw notPlain;
    return meaning(plain);
  }

  #nameOf(key: string | undefined): string {
    if (key === undefined || key.length > maxKeyLength) throw notPlain;
    if (key.startsWith('"')) return key.slice(1, -1);
    if (reserved.test(key)) throw notPlain;
    return key;
  }

  #put(value: Record<string, unknown>, key: string | undefined, one: unknown): void {
    value[this.#nameOf(key)] = one;
  }

  #addKey(value: object, places: Places, at: number, name: string): void {
    if (name === "__proto__" || name === "<<" || Object.hasOwn(value, name)) throw notPlain;
    places.keys?.push(name);
    places.keyAt.push(at);
  }

  #remember(value: object, keys: string[] | undefined): Places {
    const places: Places = { keys, keyAt: [], at: [] };
    this.#places.set(value, places);
    return places;
  }

  #offsetOf(root: unknown, start: number, path: Path, onKey: boolean): number {
    let value: unknown = root;
    let offset = start;
    for (const [index, step] of path.entries()) {
      const places = this.#places.get(value as object);
      if (places === undefined) return offset;
      if (places.keys === undefined) {
        if (typeof step !== "number" || step >= places.at.length) return offset;
        offset = places.at[step] ?? offset;
        value = (value as unknown[])[step];
        continue;
      }
      const at = places.keys.indexOf(String(step));
      if (at < 0) return offset;
      value = (value as Record<string, unknown>)[String(step)];
      const isCollection = typeof value === "object" && value !== null;
      // A list or object begins on the line after its name: the name is the better place.
      const atKey = (index === path.length - 1 && onKey) || isCollection;
      offset = (atKey ? places.keyAt[at] : places.at[at]) ?? offset;
    }
    return offset;
  }
}

/** Stands for itself without quotes, as a key too. */
export function isPlainWord(text: string): boolean {
  plainWords.lastIndex = 0;
  if (!plainWords.test(text) || plainWords.lastIndex !== text.length) return false;
  try {
    return meaning(text) === text;
  } catch {
    return false;
  }
}

/** What words without quotes mean, where all readers agree on it. */
function meaning(plain: string): unknown {
  if (plain.endsWith(":") || plain.includes(": ")) throw notPlain;
  if (plain === "true" || plain === "false") return plain === "true";
  if (plain === "null" || plain === "~") return null;
  if (decimal.test(plain)) return Number(plain);
  if ((word.test(plain) && !reserved.test(plain)) || addresses.test(plain)) return plain;
  throw notPlain;
}
