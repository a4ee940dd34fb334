import { type FlowColumns, flowFlags, protocolName } from "@weir/codec";
import { NativeBlock } from "../native/block.ts";
import type { ColumnBuilder } from "../native/column.ts";
import { AddressColumn, EnumColumn, Integer64Column, IntegerColumn } from "../native/fixed.ts";
import { DictionaryColumn } from "../native/text.ts";
import { KnowledgeColumns } from "./flow-knowledge.ts";
import { flowColumns } from "./flows.ts";

/** Who one end of a flow was at the flow's time. An empty string is unknown. */
export interface Party {
  /** pod, service, node, host, or empty. */
  kind: string;
  namespace: string;
  workload: string;
  pod: string;
  /** DNS name, for an end that is no pod. */
  name: string;
}

/** Of rows of a decoded block: numbers that `source`, `destination` and `reason` gave. */
export interface RowNames {
  sources: Uint32Array;
  destinations: Uint32Array;
  reasons: Uint32Array;
}

interface EndColumns {
  address: AddressColumn;
  port: IntegerColumn;
  /** Numbers of the texts in each column, by the party's number. */
  names: { of: keyof Party; column: DictionaryColumn; ofParty: Uint32Array }[];
  parties: number;
}

/**
 * Rows for the table `flows`, as one Native block.
 *
 * Names are looked up once per party (`source`, `destination`, `reason`), and columns are filled one
 * after the other, most of them by copying. Numbers of parties and reasons are valid until `forget`.
 *
 *     const rows = new FlowRows(100_000);
 *     const from = rows.source(cart), to = rows.destination(db), why = rows.reason("not-isolated");
 *     rows.append(columns, 0, columns.count, { sources, destinations, reasons }); // from, to, why a row
 *     await store.insertNative("flows", rows.encode(), batch.token);
 *     rows.clear();
 */
export class FlowRows {
  readonly capacityRows: number;
  readonly #block: NativeBlock;
  readonly #words: Record<WordName, Integer64Column>;
  readonly #integers: Record<IntegerName, IntegerColumn>;
  readonly #enums: Record<EnumName, EnumColumn>;
  readonly #texts: Record<"node" | "boot_id" | "protocol" | "reason", DictionaryColumn>;
  readonly #source: EndColumns;
  readonly #destination: EndColumns;
  readonly #knowledge: KnowledgeColumns;
  /** Of each protocol, whether its name has a number yet, and which. */
  readonly #protocols = new Uint8Array(256);
  readonly #protocolNumbers = new Uint32Array(256);

  constructor(capacityRows: number) {
    this.capacityRows = capacityRows;
    const block = new NativeBlock(flowColumns, capacityRows);
    this.#block = block;
    this.#words = pick(block, wordNames, Integer64Column);
    this.#integers = pick(block, integerNames, IntegerColumn);
    this.#enums = pick(block, enumNames, EnumColumn);
    this.#texts = pick(block, ["node", "boot_id", "protocol", "reason"] as const, DictionaryColumn);
    this.#source = endColumns(block, "src");
    this.#destination = endColumns(block, "dst");
    this.#knowledge = new KnowledgeColumns(block);
  }

  get rows(): number {
    return this.#block.rows;
  }

  source(party: Party): number {
    return numberOf(this.#source, party);
  }

  destination(party: Party): number {
    return numberOf(this.#destination, party);
  }

  reason(text: string): number {
    return this.#texts.reason.hold(text);
  }

  /**
   * Appends the rows from `begin` up to `end` of a decoded block; `names` has its first row at
   * `begin` as well. Throws RangeError when that is more than `capacityRows` leaves.
   */
  append(flows: FlowColumns, begin: number, end: number, names: RowNames): void {
    const count = end - begin;
    if (this.rows + count > this.capacityRows)
      throw new RangeError(`the block holds ${this.capacityRows} rows at most: insert it first`);
    const words = this.#words;
    for (const [name, from] of wordSources)
      words[name].putAll(flows.words[from].subarray(begin, end));
    words.block.putSame(flows.block, count);
    const integers = this.#integers;
    integers.connections.putAll(flows.connections.subarray(begin, end));
    integers.generation.putAll(flows.generation.subarray(begin, end));
    integers.tcp_flags.putAll(flows.tcpFlags.subarray(begin, end));
    integers.reply_tcp_flags.putAll(flows.replyTcpFlags.subarray(begin, end));
    integers.ifindex.putAll(flows.ifindex.subarray(begin, end));
    const flags = flows.flags.subarray(begin, end);
    for (const [name, table] of flagTables) integers[name].putMapped(flags, table);
    this.#enums.kind.putAll(flows.kind.subarray(begin, end));
    this.#enums.direction.putAll(flows.direction.subarray(begin, end));
    this.#enums.verdict.putAll(flows.verdict.subarray(begin, end));
    const texts = this.#texts;
    texts.node.putSame(texts.node.hold(flows.node), count);
    texts.boot_id.putSame(texts.boot_id.hold(flows.bootId), count);
    this.#putProtocols(flows.protocol.subarray(begin, end));
    texts.reason.putAll(names.reasons.subarray(begin, end));
    this.#source.address.putAll(flows.srcAddr.subarray(begin * 16, end * 16));
    this.#source.port.putAll(flows.srcPort.subarray(begin, end));
    putNames(this.#source, names.sources.subarray(begin, end));
    this.#destination.address.putAll(flows.dstAddr.subarray(begin * 16, end * 16));
    this.#destination.port.putAll(flows.dstPort.subarray(begin, end));
    putNames(this.#destination, names.destinations.subarray(begin, end));
    this.#knowledge.append(flows, begin, end);
  }

  /** The block as bytes, valid until the next `encode`; the rows stay until `clear`. */
  encode(): Uint8Array {
    return this.#block.encode();
  }

  clear(): void {
    this.#block.clear();
  }

  /** Names that numbers were given for, of the column that has most: what they cost in memory. */
  get held(): number {
    return Math.max(...this.#dictionaries().map(({ held }) => held));
  }

  /** Clears, and forgets the names: all numbers that were given are void. */
  forget(): void {
    this.#block.clear();
    for (const dictionary of this.#dictionaries()) dictionary.forget();
    this.#protocols.fill(0);
    for (const end of [this.#source, this.#destination]) end.parties = 0;
  }

  #dictionaries(): DictionaryColumn[] {
    return this.#block.columnsOf(DictionaryColumn);
  }

  #putProtocols(numbers: Uint8Array): void {
    const known = this.#protocols;
    for (const number of numbers) {
      if (known[number] !== 0) continue;
      this.#protocolNumbers[number] = this.#texts.protocol.hold(protocolName(number));
      known[number] = 1;
    }
    this.#texts.protocol.putMapped(numbers, this.#protocolNumbers);
  }
}

const wordNames = [
  "time",
  "start",
  "last",
  "block",
  "packets",
  "bytes",
  "reply_packets",
  "reply_bytes",
] as const;
type WordName = (typeof wordNames)[number];

/** Columns of the table and those of a block that they are copies of. */
const wordSources = [
  ["time", "time"],
  ["start", "first"],
  ["last", "last"],
  ["packets", "packets"],
  ["bytes", "bytes"],
  ["reply_packets", "replyPackets"],
  ["reply_bytes", "replyBytes"],
] as const satisfies [WordName, keyof FlowColumns["words"]][];

const integerNames = [
  "connections",
  "generation",
  "answered",
  "refused",
  "guessed",
  "fragments",
  "tcp_flags",
  "reply_tcp_flags",
  "ifindex",
] as const;
type IntegerName = (typeof integerNames)[number];

/** Columns that are a bit of a flow's flags: of each value of the flags, the bit. */
const flagTables = (
  [
    ["guessed", flowFlags.initiatorGuessed],
    ["answered", flowFlags.answered],
    ["refused", flowFlags.refused],
    ["fragments", flowFlags.fragments],
  ] as const
).map(
  ([name, bit]) =>
    [name, Uint8Array.from({ length: 256 }, (_, flags) => (flags & bit ? 1 : 0))] as const,
);

const enumNames = ["kind", "direction", "verdict"] as const;
type EnumName = (typeof enumNames)[number];

type FlowColumn = (typeof flowColumns)[number]["name"];

function pick<Name extends FlowColumn, Builder extends ColumnBuilder>(
  block: NativeBlock,
  names: readonly Name[],
  kind: new (...args: never[]) => Builder,
): Record<Name, Builder> {
  const entries = names.map((name) => [name, block.column(name, kind)] as const);
  return Object.fromEntries(entries) as Record<Name, Builder>;
}

const partyNames = ["kind", "namespace", "workload", "pod", "name"] as const;

function endColumns(block: NativeBlock, end: "src" | "dst"): EndColumns {
  return {
    address: block.column(`${end}_addr`, AddressColumn),
    port: block.column(`${end}_port`, IntegerColumn),
    names: partyNames.map((of) => ({
      of,
      column: block.column(`${end}_${of}`, DictionaryColumn),
      ofParty: new Uint32Array(64),
    })),
    parties: 0,
  };
}

/** A number for the party, whose names then have theirs. */
function numberOf(end: EndColumns, party: Party): number {
  const number = end.parties++;
  for (const name of end.names) {
    if (number === name.ofParty.length) {
      const larger = new Uint32Array(2 * number);
      larger.set(name.ofParty);
      name.ofParty = larger;
    }
    name.ofParty[number] = name.column.hold(party[name.of]);
  }
  return number;
}

function putNames(end: EndColumns, parties: Uint32Array): void {
  for (const { column, ofParty } of end.names) column.putMapped(parties, ofParty);
}
