import { byteReader } from "./byte-reader.ts";
import type { ByteReader } from "./byte-reader.ts";
import type { FlowColumns, FlowDecoder, FlowProcess } from "./contract.ts";
import { inForce } from "./earlier-blocks.ts";
import { CodecError } from "./error.ts";
import { flowPlans } from "./flow-mapping.ts";
import { checkFrame, frameBytes } from "./frame.ts";
import { schemas } from "./schemas.ts";
import { planColumns, rowsAligned, viewColumns } from "./transcoder/columns.ts";
import type { ColumnPlan, ColumnView } from "./transcoder/columns.ts";
import { decodeModule, overshootBytes } from "./transcoder/decode-module.ts";
import type { DecodeExports } from "./transcoder/decode-module.ts";
import { runningTableBytes } from "./transcoder/encode-module.ts";
import { recordBounds } from "./transcoder/plan.ts";
import { refusal } from "./transcoder/refusal.ts";

/** Shortest encoding of a rule: two numbers and an empty text. */
const minRuleBytes = 3;
/** Three numbers and three empty texts. */
const minProcessBytes = 6;
const minNameBytes = 1;
const addressBytes = 16;
const minFlowBytes = recordBounds(flowPlans).least;
const slackBytes = overshootBytes(flowPlans);
const pageBytes = 65_536;
/** A block of a collector is a hundredth of this; what is larger would make the decoder's memory large. */
const maxMessageBytes = 16 << 20;

const columns = planColumns(flowPlans);
const bytesPerRow = columns.reduce((sum, column) => sum + column.bytesPerRow, 0);

/** Compiled once for all decoders. */
const module = decodeModule(flowPlans, runningTableBytes);

/**
 * Decodes blocks of weir.flows.v1 into columns with generated WebAssembly, reusing them from call to
 * call; they are cut to the block's length. Counts are checked against the bytes that are there
 * before anything grows: a message costs at most about 20 times its size in memory, and reading
 * cannot leave that memory whatever the bytes say.
 */
export function createFlowDecoder(): FlowDecoder {
  return new WasmDecoder();
}

class WasmDecoder implements FlowDecoder {
  readonly #wasm = new WebAssembly.Instance(module).exports as unknown as DecodeExports;
  /** Bytes that a message, and its addresses, may have before memory must grow. */
  #messageBytes = 0;
  #capacityRows = 0;
  #full = new Map<ColumnPlan, ColumnView>();
  #cut: Partial<FlowColumns> = {};
  #cutRows = -1;

  decode(given: Uint8Array): FlowColumns {
    const message = inForce(given);
    checkFrame(schemas.FlowBlock, message);
    const { name } = schemas.FlowBlock;
    if (message.length > maxMessageBytes) {
      const most = `a block has at most ${maxMessageBytes}`;
      throw new CodecError(name, maxMessageBytes, `${message.length} bytes, ${most}`);
    }
    const reader = byteReader(name, message, frameBytes);
    const node = reader.text("node");
    const bootId = reader.text("boot_id");
    const block = reader.counter("block");
    const baseMicros = reader.counter("base_time");
    const rules = readRules(reader);
    const processes = readProcesses(reader);
    const names = readNames(reader);
    this.#take(message);
    const addressCount = this.#readAddresses(reader);
    const count = this.#readFlows(reader, baseMicros, addressCount);
    reader.end();
    const at = this.#addressesAt;
    const addresses = new Uint8Array(this.#wasm.memory.buffer, at, addressCount * addressBytes);
    const rows = this.#columns(count);
    refuseBeyond(reader, "process", rows.process, processes.length);
    refuseBeyond(reader, "dns", rows.dns, names.length);
    const head = { node, bootId, block, rules, processes, names };
    return { ...rows, ...head, count, addresses };
  }

  get #messageAt(): number {
    return runningTableBytes;
  }

  get #addressesAt(): number {
    return this.#messageAt + this.#messageBytes + slackBytes;
  }

  get #columnsAt(): number {
    const end = this.#addressesAt + this.#messageBytes + addressBytes;
    return Math.ceil(end / rowsAligned) * rowsAligned;
  }

  /** Copies the message to where WebAssembly sees it. */
  #take(message: Uint8Array): void {
    if (message.length > this.#messageBytes) {
      this.#messageBytes = 2 ** Math.ceil(Math.log2(message.length));
      this.#grow(this.#capacityRows);
    }
    new Uint8Array(this.#wasm.memory.buffer).set(message, this.#messageAt);
  }

  #readAddresses(reader: ByteReader): number {
    let count = 0;
    reader.blocks("addresses", addressBytes, (items) => {
      const bytes = reader.bytes("addresses", items * addressBytes);
      const memory = new Uint8Array(this.#wasm.memory.buffer);
      memory.set(bytes, this.#addressesAt + count * addressBytes);
      count += items;
    });
    return count;
  }

  #readFlows(reader: ByteReader, baseMicros: number, addressCount: number): number {
    const wasm = this.#wasm;
    let count = 0;
    wasm.begin(BigInt(baseMicros), 0);
    try {
      reader.blocks("flows", minFlowBytes, (items) => {
        this.#fit(count, items);
        const start = reader.at;
        const end = wasm.rows(
          this.#messageAt + start,
          this.#messageAt + reader.length,
          items,
          count,
          this.#columnsAt,
          this.#capacityRows,
          this.#addressesAt,
          addressCount,
        );
        if (end === 0) {
          reader.at = wasm.refusedAt.value - this.#messageAt;
          throw refusal(reader, flowPlans, { addresses: addressCount });
        }
        reader.at = end - this.#messageAt;
        count += items;
      });
    } finally {
      wasm.end();
    }
    return count;
  }

  /** Makes room for `more` rows and keeps the first `held`. */
  #fit(held: number, more: number): void {
    if (held + more <= this.#capacityRows) return;
    const kept = [...this.#full].map(
      ([column, view]) =>
        [column, view.slice(0, (view.length / this.#capacityRows) * held)] as const,
    );
    this.#grow(Math.max(2 ** Math.ceil(Math.log2(held + more)), 256));
    for (const [column, view] of kept) this.#full.get(column)?.set(view as never);
  }

  #grow(capacityRows: number): void {
    this.#capacityRows = capacityRows;
    const { memory } = this.#wasm;
    const missing = this.#columnsAt + capacityRows * bytesPerRow - memory.buffer.byteLength;
    if (missing > 0) memory.grow(Math.ceil(missing / pageBytes));
    this.#full = viewColumns(columns, memory, this.#columnsAt, capacityRows);
    this.#cutRows = -1;
  }

  /** The columns cut to `count` rows; most blocks of a collector have another number of them. */
  #columns(count: number): FlowColumns {
    if (this.#cutRows === count) return this.#cut as FlowColumns;
    const cut: Record<string, ColumnView> = {};
    const words: Record<string, ColumnView> = {};
    for (const [column, view] of this.#full) {
      const rows = view.subarray(0, (view.length / this.#capacityRows) * count);
      const name = camelCase(column.field);
      if (column.holds === "words") words[name] = rows;
      else cut[column.holds === "indexes" ? `${name}Index` : name] = rows;
    }
    this.#cut = { ...cut, words } as Partial<FlowColumns>;
    this.#cutRows = count;
    return this.#cut as FlowColumns;
  }
}

const camelCases = new Map(
  columns.map(({ field }) => [
    field,
    field.replaceAll(/_(.)/g, (_, letter: string) => letter.toUpperCase()),
  ]),
);

function camelCase(field: string): string {
  return camelCases.get(field) as string;
}

function readProcesses(reader: ByteReader): FlowProcess[] {
  const processes: FlowProcess[] = [];
  reader.blocks("processes", minProcessBytes, (items) => {
    for (let item = 0; item < items; item++) {
      processes.push({
        pid: reader.bits32("processes.pid"),
        start: reader.counter("processes.start"),
        comm: reader.text("processes.comm"),
        executable: reader.text("processes.executable"),
        cgroup_id: reader.counter("processes.cgroup_id"),
        container: reader.text("processes.container"),
      });
    }
  });
  return processes;
}

function readNames(reader: ByteReader): string[] {
  const names: string[] = [];
  reader.blocks("names", minNameBytes, (items) => {
    for (let item = 0; item < items; item++) names.push(reader.text("names"));
  });
  return names;
}

/** An index past its list is refused at the end, where the whole list is known. */
function refuseBeyond(reader: ByteReader, field: string, indexes: Uint32Array, most: number): void {
  for (const index of indexes) {
    if (index > most) throw reader.error(`flows.${field}`, `${index} is past a list of ${most}`);
  }
}

function readRules(reader: ByteReader): FlowColumns["rules"] {
  const rules: FlowColumns["rules"] = [];
  reader.blocks("rules", minRuleBytes, (items) => {
    for (let item = 0; item < items; item++) {
      const generation = reader.bits32("rules.generation");
      const rule = reader.bits32("rules.rule");
      rules.push({ generation, rule, text: reader.text("rules.text") });
    }
  });
  return rules;
}
