import { decode } from "dns-packet";
import type { Answer } from "dns-packet";

/** What a DNS answer says: the name that was asked for, and the addresses it led to. */
export interface DnsAnswer {
  /** Lower case, without the last dot; see `nameText`. */
  name: string;
  addresses: { address: Uint8Array; ttlSeconds: number }[];
  /** Addresses beyond the bound, left out. */
  leftOut: number;
}

/** CNAMEs that are followed, and addresses that are taken, of one answer. */
const maxAliases = 16;
const maxAddresses = 64;
const headerBytes = 12;
const minQuestionBytes = 5;
const minRecordBytes = 11;
/** As text; RFC 1035 allows 255 bytes on the wire. */
const maxNameChars = 253;

/**
 * Reads the bytes of a DNS message. "void": no answer, or none that leads to an address. Never
 * throws: every byte is a stranger's.
 */
export function readDnsAnswer(message: Uint8Array): DnsAnswer | "void" | "malformed" {
  if (message.length < headerBytes) return "malformed";
  if (!isGoodResponse(message)) return "void";
  const packet = decoded(message);
  if (packet === undefined) return "malformed";
  // Where records had to be left out of it (TC), those that are there are no less true.
  const { questions = [], answers = [] } = packet;
  const [question] = questions;
  if (question === undefined || questions.length !== 1 || question.class !== "IN") return "void";
  const name = nameText(question.name);
  const found = addressesOf(asciiLowerCase(question.name), answers);
  if (name === undefined || found === undefined) return "malformed";
  if (found.length === 0 || name === "") return "void";
  const addresses = found.slice(0, maxAddresses);
  return { name, addresses, leftOut: found.length - addresses.length };
}

/** A response to a plain query, without an error. */
function isGoodResponse(message: Uint8Array): boolean {
  const [high = 0, low = 0] = [message[2], message[3]];
  const [isResponse, operation, error] = [high >> 7, (high >> 3) & 0xf, low & 0xf];
  return isResponse === 1 && operation === 0 && error === 0;
}

/** Undefined for what is no message. The library makes room for what is claimed, and reads past an end. */
function decoded(message: Uint8Array): ReturnType<typeof decode> | undefined {
  const bytes = Buffer.from(message.buffer, message.byteOffset, message.length);
  const records = bytes.readUInt16BE(6) + bytes.readUInt16BE(8) + bytes.readUInt16BE(10);
  const least = minQuestionBytes * bytes.readUInt16BE(4) + minRecordBytes * records;
  if (headerBytes + least > bytes.length) return undefined;
  try {
    const packet = decode(bytes);
    return decode.bytes <= bytes.length ? packet : undefined;
  } catch {
    return undefined;
  }
}

/** Of the name that was asked for and of those it is an alias of; undefined where one is no address. */
function addressesOf(asked: string, answers: Answer[]): DnsAnswer["addresses"] | undefined {
  const aliases = aliasesOf(asked, answers);
  const found: DnsAnswer["addresses"] = [];
  for (const answer of answers) {
    if (answer.type !== "A" && answer.type !== "AAAA") continue;
    const chainSeconds = aliases.get(asciiLowerCase(answer.name));
    if (chainSeconds === undefined || answer.class !== "IN") continue;
    const address = addressBytesOf(answer.data);
    if (address === undefined) return undefined;
    found.push({ address, ttlSeconds: Math.min(chainSeconds, answer.ttl ?? 0) });
  }
  return found;
}

/** The asked name and what it leads to, with the shortest life on the way there. */
function aliasesOf(asked: string, answers: Answer[]): Map<string, number> {
  let current = asked;
  const aliases = new Map([[current, Infinity]]);
  for (let step = 0; step < maxAliases; step++) {
    const alias = answers.find(
      (one) => one.type === "CNAME" && asciiLowerCase(one.name) === current,
    );
    if (alias?.type !== "CNAME") break;
    const seconds = Math.min(aliases.get(current) ?? Infinity, alias.ttl ?? 0);
    current = asciiLowerCase(alias.data);
    if (aliases.has(current)) break;
    aliases.set(current, seconds);
  }
  return aliases;
}

/**
 * The bytes of an address as the library writes it, which has them from 4 or 16 bytes. A strict
 * parser of what people write takes ten times as long, and strangers choose how often this is done.
 */
export function addressBytesOf(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(16);
  if (!text.includes(":")) {
    bytes[10] = bytes[11] = 0xff;
    return fill(bytes, 12, text.split("."), 10) === 16 ? bytes : undefined;
  }
  const [head = "", tail] = text.split("::");
  const before = head === "" ? [] : head.split(":");
  if (tail === undefined) return fill(bytes, 0, before, 16) === 16 ? bytes : undefined;
  const after = tail === "" ? [] : tail.split(":");
  if (before.length + after.length > 7) return undefined;
  const isGood =
    fill(bytes, 0, before, 16) !== undefined &&
    fill(bytes, 16 - 2 * after.length, after, 16) !== undefined;
  return isGood ? bytes : undefined;
}

/** Writes octets, or groups of two where they are hexadecimal; where it ended, if all were numbers. */
function fill(
  bytes: Uint8Array,
  start: number,
  parts: string[],
  radix: 10 | 16,
): number | undefined {
  let at = start;
  for (const part of parts) {
    const value = Number.parseInt(part, radix);
    if (!(value >= 0 && value <= (radix === 16 ? 0xffff : 0xff))) return undefined;
    if (radix === 16) bytes[at++] = value >> 8;
    bytes[at++] = value & 0xff;
  }
  return at;
}

/**
 * A name as it is kept and shown: lower case, no dot at the end, and whatever is no letter, digit,
 * hyphen, underscore or dot as \DDD, its bytes in decimal (RFC 4343). So no name, whoever made it
 * up, holds what a terminal, a page or a spreadsheet would act on. Undefined where it is too long.
 */
export function nameText(name: string): string | undefined {
  const text = asciiLowerCase(name)
    .replace(/\.$/, "")
    .replaceAll(/[^a-z0-9._-]/gu, (character) =>
      [...Buffer.from(character)].map((byte) => `\\${String(byte).padStart(3, "0")}`).join(""),
    );
  return text.length > maxNameChars ? undefined : text;
}

/** DNS knows no other cases (RFC 4343), and other alphabets have letters that become ASCII. */
function asciiLowerCase(text: string): string {
  return text.replaceAll(/[A-Z]+/g, (letters) => letters.toLowerCase());
}
