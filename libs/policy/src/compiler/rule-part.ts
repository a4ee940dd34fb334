/** One rule of one policy, and the entries it stands for towards one identity. */
import type { NamedPort } from "../atom.ts";
import { numbersNamed } from "../atom.ts";
import { anyPortBits, anyProtocolBits, exactPortBits } from "../compiled.ts";
import type { Rule, Side } from "../network-policy.ts";
import { mergedRanges, portPrefixes } from "../port-prefix.ts";
import { portProtocols, protocolNumber } from "../protocol.ts";
import type { Atom } from "./atom-set.ts";
import type { SelectorGroup } from "./isolation.ts";
import type { Numbered } from "./numbering.ts";
import { hashOfSum, hashText } from "./numbering.ts";

/** A rule's text has an id as long as some policy has the rule. */
export interface RuleName extends Numbered {
  readonly text: string;
  /** Rules of policies that are called this. */
  holders: number;
  told: number;
}

export interface RulePart {
  readonly policy: string;
  readonly group: SelectorGroup;
  readonly side: Side;
  readonly index: number;
  /** The rule to the letter. */
  readonly written: string;
  readonly name: RuleName;
  /** "any", or what its peers mean. */
  readonly atoms: "any" | readonly Atom[];
  /** Ports of the destination that it names. */
  readonly named: readonly NamedPort[];
  /** All its other ports, packed. */
  readonly ports: readonly number[];
  readonly contributions: Map<string, Contribution>;
}

/** Ports that a rule allows in one rule set towards one identity. */
export interface Contribution {
  readonly uid: number;
  readonly part: RulePart;
  /** Packed, each once. */
  readonly ports: readonly number[];
}

export function ruleMeaning(text: string): string {
  // Sorts before every rule set's: those move on where they collide, and rules keep their ids.
  return `a rule\n${text}`;
}

export function ruleName(text: string): RuleName {
  const hash = hashOfSum(hashText(ruleMeaning(text)));
  return { text, hash, id: 0, holders: 0, told: 0, meaning: () => ruleMeaning(text) };
}

/** The port half of an entry's key in one number: prefix, protocol, port. */
export function packPort(prefixBits: number, protocol: number, port: number): number {
  return ((prefixBits - anyProtocolBits) << 24) | (protocol << 16) | port;
}

export function unpackPort(packed: number): {
  prefix_bits: number;
  protocol: number;
  port: number;
} {
  return {
    prefix_bits: (packed >>> 24) + anyProtocolBits,
    protocol: (packed >>> 16) & 0xff,
    port: packed & 0xffff,
  };
}

/** Ports of the rule but for those that it names. */
export function fixedPorts(rule: Rule): number[] {
  if (rule.ports === "any") return [packPort(anyProtocolBits, 0, 0)];
  const matches = rule.ports;
  return portProtocols.flatMap((protocol) => {
    const mine = matches.filter((match) => match.protocol === protocol);
    const number = protocolNumber(protocol);
    if (mine.some((match) => match.kind === "every")) return [packPort(anyPortBits, number, 0)];
    const ranges = mergedRanges(mine.filter((match) => match.kind === "range"));
    return ranges.flatMap(({ first, last }) =>
      portPrefixes(first, last).map(({ port, bits }) => packPort(anyPortBits + bits, number, port)),
    );
  });
}

function namedPorts(part: RulePart, resolved: readonly string[]): number[] {
  return part.named.flatMap((port) =>
    numbersNamed(port, resolved).map((number) =>
      packPort(exactPortBits, protocolNumber(port.protocol), number),
    ),
  );
}

let contributionUids = 0;

/** Undefined: nothing. `fixed`: do its other ports count here too? */
export function contributionOf(
  part: RulePart,
  fixed: boolean,
  resolved: readonly string[],
): Contribution | undefined {
  const named = part.named.length === 0 ? [] : namedPorts(part, resolved);
  const key = `${fixed} ${named.join(",")}`;
  const known = part.contributions.get(key);
  if (known !== undefined) return known;
  const ports = [...new Set([...(fixed ? part.ports : []), ...named])];
  if (ports.length === 0) return undefined;
  contributionUids += 1;
  const fresh = { uid: contributionUids, part, ports };
  part.contributions.set(key, fresh);
  return fresh;
}

/** The order in which rules are named as the reason where several allow the same. */
export function compareContributions({ part: a }: Contribution, { part: b }: Contribution): number {
  if (a.policy !== b.policy) return a.policy < b.policy ? -1 : 1;
  return a.index - b.index;
}
