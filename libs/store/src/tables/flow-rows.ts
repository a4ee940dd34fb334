import { type FlowColumns, flowFlags, protocolName } from "@weir/codec";
import { NativeBlock } from "../native/block.ts";
import type { ColumnBuilder } from "../native/column.ts";
import { AddressColumn, EnumColumn, Integer64Column, IntegerColumn } from "../native/fixed.ts";
import { DictionaryColumn } from "../native/text.ts";
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

/** What `FlowRows.party` gives: the names of one end as indexes into the dictionaries. */
export interface PartyIndex {
  readonly kind: number;
  readonly namespace: number;
  readonly workload: number;
  readonly pod: number;
  readonly name: number;
}

type EndColumns = {
  address: AddressColumn;
  port: IntegerColumn;
} & Record<keyof Party, DictionaryColumn>;

/**
 * Rows for the table `flows`, as one Native block.
 *
 * Names are interned once per party (`source`, `destination`, `reason`), so that a row costs
 * stores into typed arrays only. Indexes are valid until `clear`.
 *
 *     const rows = new FlowRows(100_000);
 *     const from = rows.source(cart), to = rows.destination(db), why = rows.reason("not-isolated");
 *     rows.append(columns, row, from, to, why);
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
  readonly #protocols = new Int32Array(256).fill(-1);

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
  }

  get rows(): number {
    return this.#block.rows;
  }

  source(party: Party): PartyIndex {
    return intern(this.#source, party);
  }

  destination(party: Party): PartyIndex {
    return intern(this.#destination, party);
  }

  reason(text: string): number {
    return this.#texts.reason.intern(text);
  }

  /** Appends row `row` of a decoded block. Throws RangeError when `capacityRows` is reached. */
  append(
    flows: FlowColumns,
    row: number,
    source: PartyIndex,
    destination: PartyIndex,
    reason: number,
  ): void {
    if (this.rows >= this.capacityRows)
      throw new RangeError(`the block holds its ${this.capacityRows} rows: insert it first`);
    const at = row;
    const words = this.#words;
    words.time.put(flows.time[at] ?? 0);
    words.start.put(flows.first[at] ?? 0);
    words.last.put(flows.last[at] ?? 0);
    words.block.put(flows.block);
    words.packets.put(flows.packets[at] ?? 0);
    words.bytes.put(flows.bytes[at] ?? 0);
    words.reply_packets.put(flows.replyPackets[at] ?? 0);
    words.reply_bytes.put(flows.replyBytes[at] ?? 0);
    const integers = this.#integers;
    integers.connections.put(flows.connections[at] ?? 0);
    integers.generation.put(flows.generation[at] ?? 0);
    integers.tcp_flags.put(flows.tcpFlags[at] ?? 0);
    integers.reply_tcp_flags.put(flows.replyTcpFlags[at] ?? 0);
    integers.ifindex.put(flows.ifindex[at] ?? 0);
    const flags = flows.flags[at] ?? 0;
    integers.guessed.put(flags & flowFlags.initiatorGuessed ? 1 : 0);
    integers.answered.put(flags & flowFlags.answered ? 1 : 0);
    integers.refused.put(flags & flowFlags.refused ? 1 : 0);
    integers.fragments.put(flags & flowFlags.fragments ? 1 : 0);
    this.#enums.kind.put(flows.kind[at] ?? 0);
    this.#enums.direction.put(flows.direction[at] ?? 0);
    this.#enums.verdict.put(flows.verdict[at] ?? 0);
    const texts = this.#texts;
    texts.node.put(texts.node.intern(flows.node));
    texts.boot_id.put(texts.boot_id.intern(flows.bootId));
    texts.protocol.put(this.#protocol(flows.protocol[at] ?? 0));
    texts.reason.put(reason);
    putEnd(this.#source, flows.srcAddr, at, flows.srcPort[at] ?? 0, source);
    putEnd(this.#destination, flows.dstAddr, at, flows.dstPort[at] ?? 0, destination);
  }

  /** The block as bytes of its own; the rows stay until `clear`. */
  encode(): Uint8Array {
    return this.#block.encode();
  }

  clear(): void {
    this.#block.clear();
    this.#protocols.fill(-1);
  }

  #protocol(number: number): number {
    const known = this.#protocols[number] ?? -1;
    if (known >= 0) return known;
    return (this.#protocols[number] = this.#texts.protocol.intern(protocolName(number)));
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

function endColumns(block: NativeBlock, end: "src" | "dst"): EndColumns {
  const text = (name: keyof Party) => block.column(`${end}_${name}`, DictionaryColumn);
  return {
    address: block.column(`${end}_addr`, AddressColumn),
    port: block.column(`${end}_port`, IntegerColumn),
    kind: text("kind"),
    namespace: text("namespace"),
    workload: text("workload"),
    pod: text("pod"),
    name: text("name"),
  };
}

function intern(end: EndColumns, party: Party): PartyIndex {
  return {
    kind: end.kind.intern(party.kind),
    namespace: end.namespace.intern(party.namespace),
    workload: end.workload.intern(party.workload),
    pod: end.pod.intern(party.pod),
    name: end.name.intern(party.name),
  };
}

function putEnd(
  end: EndColumns,
  addresses: Uint8Array,
  row: number,
  port: number,
  party: PartyIndex,
): void {
  end.address.put(addresses, row * 16);
  end.port.put(port);
  end.kind.put(party.kind);
  end.namespace.put(party.namespace);
  end.workload.put(party.workload);
  end.pod.put(party.pod);
  end.name.put(party.name);
}
