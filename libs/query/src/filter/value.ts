import { AddressError, parseAddress, parseCidr } from "@weir/codec";
import type { IToken } from "chevrotain";
import { QuestionError } from "../question-error.ts";
import { parseTime } from "../time.ts";
import { nearest } from "./did-you-mean.ts";
import type { Field } from "./fields.ts";
import { FilterError } from "./filter-error.ts";
import { tokens } from "./syntax.ts";

/** A value as its field understands it. */
export type Value =
  | { kind: "text"; text: string }
  /** `*` any characters, `?` one. */
  | { kind: "pattern"; pattern: string }
  /** Upper case. */
  | { kind: "protocol"; name: string }
  | { kind: "number"; number: number }
  | { kind: "boolean"; is: boolean }
  /** Microseconds since 1970. */
  | { kind: "time"; micros: number }
  /** 16 bytes, and how many leading bits of them count. */
  | { kind: "address"; bytes: Uint8Array; prefixBits: number };

/** Reads a value for `field`. Throws FilterError. */
export function readValue(
  text: string,
  field: Field,
  token: IToken,
  nowMs: number,
  asPattern: boolean,
): Value {
  const written = unquoted(token);
  const wrong = (reason: string) =>
    new FilterError(text, token.startOffset, token.image.length, reason);
  const { type } = field;
  switch (type.kind) {
    case "text":
      return asPattern ? { kind: "pattern", pattern: written } : { kind: "text", text: written };
    case "protocol":
      return { kind: "protocol", name: written.toUpperCase() };
    case "number": {
      const number = Number(written);
      if (!/^\d+$/.test(written) || number > type.max)
        throw wrong(`${field.name} is a whole number from 0 to ${type.max}`);
      return { kind: "number", number };
    }
    case "boolean":
      if (!/^(true|false)$/i.test(written)) throw wrong(`${field.name} is true or false`);
      return { kind: "boolean", is: written.toLowerCase() === "true" };
    case "enum": {
      const symbol = type.symbols.find((one) => one === written.toLowerCase());
      if (symbol !== undefined) return { kind: "text", text: symbol };
      const near = nearest(written, type.symbols);
      const hint = near === undefined ? "" : `; did you mean ${near}?`;
      throw wrong(`${field.name} is one of ${type.symbols.join(", ")}${hint}`);
    }
    case "time":
      return { kind: "time", micros: understood(() => parseTime(written, nowMs), wrong) };
    default:
      return understood(() => addressValue(written), wrong);
  }
}

function addressValue(written: string): Value {
  if (!written.includes("/"))
    return { kind: "address", bytes: parseAddress(written), prefixBits: 128 };
  const { addr, prefixBits } = parseCidr(written);
  return { kind: "address", bytes: addr, prefixBits };
}

function understood<T>(read: () => T, wrong: (reason: string) => FilterError): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof AddressError || error instanceof QuestionError) throw wrong(error.message);
    throw error;
  }
}

function unquoted({ tokenType, image }: IToken): string {
  return tokenType === tokens.text ? image.slice(1, -1).replaceAll(/\\([^])/g, "$1") : image;
}
