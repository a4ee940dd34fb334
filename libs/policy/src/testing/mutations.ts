/** Manifests that nobody meant to write: values of odd types and sizes, and texts that are broken. */
import type { Choices } from "./choices.ts";

export type Json = unknown;

const oddValues: Json[] = [
  null,
  "",
  [],
  {},
  true,
  -1,
  0,
  65_536,
  80.5,
  1e308,
  2 ** 53,
  "\ud800",
  "\u0000",
  "__proto__",
  "0.0.0.0/0",
  "::/0",
  "*",
  "In",
  [[]],
  [null],
  [{}],
  { __proto__x: 1 },
  "x".repeat(300),
];

const oddKeys = [
  "__proto__",
  "constructor",
  "toString",
  "From",
  "form",
  "",
  "<<",
  "podSelector",
  "from",
  "to",
  "except",
  "values",
];

/** Every object and list in the value. */
function containers(value: Json): (Record<string, Json> | Json[])[] {
  if (typeof value !== "object" || value === null) return [];
  const inner = Object.values(value).flatMap((one) => containers(one));
  return [value as Record<string, Json>, ...inner];
}

function deep(choices: Choices): Json {
  let value: Json = {};
  for (let depth = choices.below(60); depth > 0; depth -= 1)
    value = choices.oneIn(2) ? [value] : { from: value };
  return value;
}

/** Changes one thing somewhere in the value, in place. */
export function mutateValue(choices: Choices, root: Json): void {
  const place = choices.pick(containers(root));
  const keys = Object.keys(place);
  const key = choices.pick([...keys, ...(keys.length === 0 ? ["x"] : [])]);
  const target = place as Record<string, Json>;
  const define = (name: string, value: Json): void => {
    Object.defineProperty(target, name, {
      value: structuredClone(value),
      enumerable: true,
      configurable: true,
      writable: true,
    });
  };
  switch (choices.below(6)) {
    case 0:
      define(key, choices.pick(oddValues));
      break;
    case 1:
      if (Array.isArray(place)) place.splice(Number(key) || 0, 1);
      else delete target[key];
      break;
    case 2:
      if (!Array.isArray(place))
        define(choices.pick(oddKeys), choices.pick([...oddValues, target[key]]));
      break;
    case 3:
      define(key, deep(choices));
      break;
    case 4:
      define(key, structuredClone(choices.pick(containers(root))));
      break;
    default:
      if (Array.isArray(place)) place.push(structuredClone(place[0] ?? choices.pick(oddValues)));
      else {
        define(`${key}x`, target[key]);
        delete target[key];
      }
  }
}

const snippets = [
  "&a ",
  "*a",
  "<<: ",
  "!!binary ",
  "!x ",
  "? ",
  "- ",
  ": ",
  "{",
  "}",
  "[",
  "]",
  ",",
  '"',
  "'",
  "|\n",
  ">\n",
  "\t",
  "---\n",
  "...\n",
  "%YAML 1.1\n",
  "#",
  "\n",
  "\r",
  "\u2028",
  "\ufeff",
  "\ud800",
  "\u0000",
  "~",
  ".nan",
  ".inf",
  "0120",
  "1e999",
  "from: []",
  "{}",
  "yes",
  "podSelector: {}",
  '"a": 1, "a": 2',
];

/** Breaks the text in some places. */
export function mutateText(choices: Choices, text: string): string {
  let broken = text;
  for (let left = 1 + choices.below(4); left > 0; left -= 1) {
    const at = choices.below(broken.length + 1);
    const until = at + choices.below(12);
    switch (choices.below(4)) {
      case 0:
        broken = broken.slice(0, at) + broken.slice(until);
        break;
      case 1:
        broken = broken.slice(0, at) + choices.pick(snippets) + broken.slice(at);
        break;
      case 2:
        broken = broken.slice(0, at) + choices.pick(snippets) + broken.slice(until);
        break;
      default:
        broken = broken.slice(0, until) + broken.slice(at, until) + broken.slice(until);
    }
  }
  return broken;
}
