import { stringify } from "yaml";
import { isPlainWord } from "./plain-yaml.ts";
import { oldTags } from "./yaml-source.ts";

/**
 * An object as YAML, as people write it. Words whose meaning is not plain to every reader are in
 * quotes; an object with texts of several lines, or with what JSON does not know, is the library's to
 * write, which takes thirty times as long.
 */
export function yamlText(value: object): string {
  return isSimple(value) ? lines(value, "") : stringify(value, { customTags: oldTags });
}

/** One line, and nothing in it that a reader might take for another line or leave out. */
const oneLine = /^[\x20-\x7e\u00a0-\u2027\u2030-\ud7ff\ue000-\ufefe\uff00-\ufffd]*$/;

function isSimple(value: unknown): boolean {
  if (typeof value === "string") return oneLine.test(value);
  if (typeof value === "number") return Number.isSafeInteger(value);
  if (typeof value !== "object" || value === null)
    return value === null || typeof value === "boolean";
  return Array.isArray(value)
    ? value.every((one) => isSimple(one))
    : Object.entries(value).every(([key, one]) => oneLine.test(key) && isSimple(one));
}

function lines(value: object, indent: string): string {
  if (Array.isArray(value)) {
    return value.map((one) => `${indent}- ${besideDash(one, `${indent}  `)}`).join("");
  }
  return Object.entries(value)
    .map(([key, one]) => `${indent}${word(key)}:${behindKey(one, indent)}`)
    .join("");
}

/** The first line of an object or list begins beside the dash. */
function besideDash(value: unknown, indent: string): string {
  return isFilled(value) ? lines(value, indent).slice(indent.length) : `${scalar(value)}\n`;
}

function behindKey(value: unknown, indent: string): string {
  return isFilled(value) ? `\n${lines(value, `${indent}  `)}` : ` ${scalar(value)}\n`;
}

function isFilled(value: unknown): value is object {
  if (Array.isArray(value)) return value.length > 0;
  return typeof value === "object" && value !== null && Object.keys(value).length > 0;
}

function scalar(value: unknown): string {
  return typeof value === "string" ? word(value) : JSON.stringify(value);
}

function word(text: string): string {
  return isPlainWord(text) ? text : JSON.stringify(text);
}
