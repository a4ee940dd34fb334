import type {
  Document,
  DocumentOptions,
  Node,
  ParseOptions,
  ScalarTag,
  SchemaOptions,
  Tags,
} from "yaml";
import {
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  parseAllDocuments,
  visit,
} from "yaml";
import { readPlain } from "./plain-yaml.ts";
import type { Diagnostic, Path, Place } from "./problem.ts";

export interface YamlDocument {
  /** Plain values; undefined for an empty document. */
  value: unknown;
  /** The document as it was written, without its markers. */
  text: string;
  diagnostics: Diagnostic[];
  /** Where a field stands, or the nearest thing around it that exists. */
  locate: (path: Path, onKey: boolean) => Place;
}

/** kubectl takes these words for true and false, so a label that is one of them is no text there. */
const oldBooleans: ScalarTag = {
  identify: (value) => typeof value === "boolean",
  default: true,
  tag: "tag:yaml.org,2002:bool",
  test: /^(?:yes|Yes|YES|on|On|ON|no|No|NO|off|Off|OFF)$/,
  resolve: (text) => /^(yes|on)$/i.test(text),
};

/** kubectl reads 0120 as 80, like C; so does this, or one text would mean two ports. */
const oldOctal: ScalarTag = {
  identify: () => false,
  default: true,
  tag: "tag:yaml.org,2002:int",
  test: /^[-+]?0[0-9]+$/,
  resolve: (text) => (/^[-+]?[0-7]+$/.test(text) ? Number.parseInt(text, 8) : Number(text)),
};

/** What kubectl takes for something else than text, beside what the library does. */
export const oldTags = (tags: Tags): Tags => [oldOctal, ...tags, oldBooleans];

/** Offset of the node at `path`, or of the deepest node on the way to it. */
function offsetOf(document: Document, path: Path, onKey: boolean): number {
  let node: Node | null = isNode(document.contents) ? document.contents : null;
  let offset = node?.range?.[0] ?? document.range?.[0] ?? 0;
  for (const [index, step] of path.entries()) {
    if (isMap(node)) {
      const pair = node.items.find(
        (one) => isPair(one) && isScalar(one.key) && String(one.key.value) === String(step),
      );
      if (pair === undefined) return offset;
      const keyOffset = isNode(pair.key) ? pair.key.range?.[0] : undefined;
      node = isNode(pair.value) ? pair.value : null;
      const last = index === path.length - 1;
      // A list or object begins on the line after its name: the name is the better place.
      const atKey = (last && onKey) || !isScalar(node);
      offset = (atKey ? keyOffset : node?.range?.[0]) ?? keyOffset ?? offset;
    } else if (isSeq(node) && typeof step === "number") {
      const item = node.items[step];
      if (!isNode(item)) return offset;
      node = item;
      offset = item.range?.[0] ?? offset;
    } else return offset;
  }
  return offset;
}

function valueOf(document: Document, refuse: (text: string) => void): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    refuse(`cannot be read: ${(error as Error).message}`);
    return undefined;
  }
}

/** Offsets of keys that stand in one map twice: of which value was meant nobody knows. */
function duplicateKeys(document: Document): number[] {
  const found: number[] = [];
  visit(document, {
    Map(_, map) {
      const seen = new Set<string>();
      for (const { key } of map.items) {
        if (!isScalar(key) || key.value === "<<") continue;
        // 1 and "1" are one field of the object that comes of it.
        const name = String(key.value);
        if (seen.has(name)) found.push(key.range?.[0] ?? 0);
        seen.add(name);
      }
    },
  });
  return found;
}

/** What the parser says of a text that its recursion cannot follow. */
const tooDeep = "Maximum call stack size exceeded";

/** The parser's errors. Where the nesting is too deep everything after the first is its echo. */
function parserErrors(document: Document): { offset: number; text: string }[] {
  const all = document.errors.map((one) => ({ offset: one.pos[0], text: one.message }));
  const deep = all.find((one) => one.text.includes(tooDeep));
  if (deep !== undefined) {
    return [{ offset: deep.offset, text: "is nested too deep to be read: no manifest needs that" }];
  }
  if (all.length > 0) return all;
  const text = "stands there twice: keep the one that is meant";
  return duplicateKeys(document).map((offset) => ({ offset, text }));
}

/** Documents of a YAML or JSON text as the library reads them. */
export function readByLibrary(text: string, file: string): YamlDocument[] {
  const lineCounter = new LineCounter();
  const placeAt = placesIn(lineCounter, file);
  return libraryDocuments(text, lineCounter, 0, placeAt);
}

function libraryDocuments(
  text: string,
  lineCounter: LineCounter | undefined,
  shift: number,
  placeAt: (offset: number) => Place,
): YamlDocument[] {
  const options: ParseOptions & DocumentOptions & SchemaOptions = {
    ...(lineCounter === undefined ? {} : { lineCounter }),
    merge: true,
    // Its own search compares each key with each other one; `duplicateKeys` does not.
    uniqueKeys: false,
    customTags: oldTags,
    prettyErrors: false,
    // Else the library writes its warnings to the user's screen.
    logLevel: "error",
  };
  const documents = parseAllDocuments(text, options);
  if (!Array.isArray(documents)) return [];
  const placeOf = (offset: number): Place => placeAt(shift + offset);
  return documents.map((document) => libraryDocument(document, text, placeOf));
}

function libraryDocument(
  document: Document,
  text: string,
  placeAt: (offset: number) => Place,
): YamlDocument {
  const errors = parserErrors(document);
  const diagnostics: Diagnostic[] = [
    ...errors.map(({ offset, text: message }) => ({
      ...placeAt(offset),
      severity: "error" as const,
      text: message,
    })),
    ...document.warnings.map((one) => ({
      ...placeAt(one.pos[0]),
      severity: "warning" as const,
      text: one.message,
    })),
  ];
  const refuse = (message: string): void => {
    diagnostics.push({ ...placeAt(document.range?.[0] ?? 0), severity: "error", text: message });
  };
  const value = errors.length > 0 ? undefined : valueOf(document, refuse);
  const range = document.contents?.range;
  const slice = range === null || range === undefined ? "" : text.slice(range[0], range[2]);
  return {
    value,
    text: ended(slice),
    diagnostics,
    locate: (path, onKey) => placeAt(offsetOf(document, path, onKey)),
  };
}

function ended(text: string): string {
  return text.endsWith("\n") ? text : `${text}\n`;
}

function placesIn(lineCounter: LineCounter, file: string): (offset: number) => Place {
  return (offset) => {
    const { line, col } = lineCounter.linePos(offset);
    return { file, line: Math.max(line, 1), column: Math.max(col, 1) };
  };
}

const marker = /^---[ ]*$/gm;

/** What only the library knows to cut into documents: directives, ends, markers with a text behind. */
const uncommonCut = /^(?:---[^\n]*[^ \n-]|----|%|\.\.\.)/m;

/**
 * Documents of a YAML or JSON text, each as soon as it is asked for. What does not parse has
 * diagnostics and no value.
 */
export function* openYaml(text: string, file: string): Generator<YamlDocument> {
  if (uncommonCut.test(text) || /[\r\ufeff]/.test(text)) {
    yield* readByLibrary(text, file);
    return;
  }
  const lineCounter = new LineCounter();
  lineCounter.addNewLine(0);
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1))
    lineCounter.addNewLine(at + 1);
  const placeAt = placesIn(lineCounter, file);
  let start = 0;
  for (const cut of text.matchAll(marker)) {
    yield* openOne(text, start, cut.index, placeAt);
    start = cut.index + cut[0].length;
  }
  yield* openOne(text, start, text.length, placeAt);
}

function openOne(
  text: string,
  start: number,
  end: number,
  placeAt: (offset: number) => Place,
): YamlDocument[] {
  const plain = readPlain(text, start, end);
  if (plain === undefined) {
    return libraryDocuments(text.slice(start, end), undefined, start, placeAt);
  }
  return [
    {
      value: plain.value,
      text: ended(text.slice(plain.start, plain.end)),
      diagnostics: [],
      locate: (path, onKey) => placeAt(plain.offsetOf(path, onKey)),
    },
  ];
}
