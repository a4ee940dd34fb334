import { type FlowColumns, type FlowProcess, flowFlags } from "@weir/codec";
import type { NativeBlock } from "../native/block.ts";
import { EnumColumn, IntegerColumn } from "../native/fixed.ts";
import { NullableColumn } from "../native/nested.ts";
import { DictionaryColumn } from "../native/text.ts";

const noProcess: FlowProcess = {
  ...{ pid: 0, start: 0, comm: "", executable: "", cgroup_id: 0, container: "" },
};

/** Of each value of the flags, the bit. */
const beforeStart = Uint8Array.from({ length: 256 }, (_, flags) =>
  flags & flowFlags.beforeStart ? 1 : 0,
);

/** The columns of `flows` that tell how fast a connection was, how it ended, whose it was. */
export class KnowledgeColumns {
  readonly #measured: { column: NullableColumn; of: "handshakeRttUs" | "srttUs" | "firstByteUs" }[];
  readonly #retransmits: IntegerColumn;
  readonly #closeReason: EnumColumn;
  readonly #beforeStart: IntegerColumn;
  readonly #numbers: { column: NullableColumn; of: "pid" | "start" | "cgroup_id" }[];
  readonly #texts: { column: DictionaryColumn; of: "comm" | "executable" | "container" }[];
  readonly #dnsName: DictionaryColumn;

  constructor(block: NativeBlock) {
    const nullable = (name: string): NullableColumn => block.column(name, NullableColumn);
    this.#measured = [
      { column: nullable("handshake_rtt_us"), of: "handshakeRttUs" },
      { column: nullable("srtt_us"), of: "srttUs" },
      { column: nullable("first_byte_us"), of: "firstByteUs" },
    ];
    this.#retransmits = block.column("retransmits", IntegerColumn);
    this.#closeReason = block.column("close_reason", EnumColumn);
    this.#beforeStart = block.column("before_start", IntegerColumn);
    const numbers = ["pid", "start", "cgroup_id"] as const;
    this.#numbers = numbers.map((of) => ({ column: nullable(`process_${of}`), of }));
    const texts = ["comm", "executable", "container"] as const;
    this.#texts = texts.map((of) => ({
      column: block.column(`process_${of}`, DictionaryColumn),
      of,
    }));
    this.#dnsName = block.column("dns_name", DictionaryColumn);
  }

  append(flows: FlowColumns, begin: number, end: number): void {
    for (const { column, of } of this.#measured) column.putKnown(flows[of].subarray(begin, end));
    this.#retransmits.putAll(flows.retransmits.subarray(begin, end));
    this.#closeReason.putAll(flows.closeReason.subarray(begin, end));
    this.#beforeStart.putMapped(flows.flags.subarray(begin, end), beforeStart);
    const whose = flows.process.subarray(begin, end);
    const processes = [noProcess, ...flows.processes];
    for (const { column, of } of this.#numbers) {
      const values = processes.map((process) => process[of]);
      column.putMapped(whose, values);
    }
    for (const { column, of } of this.#texts) {
      const values = Uint32Array.from(processes, (process) => column.hold(process[of]));
      column.putMapped(whose, values);
    }
    const names = Uint32Array.from(["", ...flows.names], (name) => this.#dnsName.hold(name));
    this.#dnsName.putMapped(flows.dns.subarray(begin, end), names);
  }
}
