import {
  type BlockHeader,
  createFlowEncoder,
  flowLayout,
  flowRecordBytes,
  flowSymbols,
} from "@weir/codec";
import type { Slice } from "./traffic.ts";

/** What a collector has of a slice before it encodes it; times are on the wall clock. */
export interface RecordedBlock {
  header: BlockHeader;
  records: Uint8Array;
  count: number;
}

const policyReason = flowSymbols.reason.indexOf("policy");
const deniedReason = flowSymbols.reason.indexOf("default_deny");
const generation = 7;

/** The slice as records of the kernel, with the rules and names that give its texts. */
export function recordedBlock({ columns, destinations, reasons }: Slice): RecordedBlock {
  const { count, node, bootId, block, processes } = columns;
  const records = new Uint8Array(count * flowRecordBytes);
  const view = new DataView(records.buffer);
  const put = (name: keyof typeof flowLayout, row: number, value: number): void => {
    const { offset, bytes } = flowLayout[name];
    const at = row * flowRecordBytes + offset;
    if (bytes === 8) view.setBigUint64(at, BigInt(value), true);
    else if (bytes === 4) view.setUint32(at, value, true);
    else if (bytes === 2) view.setUint16(at, value, true);
    else view.setUint8(at, value);
  };
  const names: string[] = [];
  const nameOf = destinations.values.map(({ name }) => (name === "" ? 0 : names.push(name)));
  for (const field of Object.keys(flowLayout) as (keyof typeof flowLayout)[]) {
    const name = field.replaceAll(/_(.)/g, (_, letter: string) => letter.toUpperCase());
    const values = columns[name as "time"];
    const { offset, bytes } = flowLayout[field];
    const isTime = field === "time" || field === "first" || field === "last";
    for (let row = 0; row < count; row++) {
      if (bytes === 16)
        records.set(values.subarray(row * 16, row * 16 + 16), row * flowRecordBytes + offset);
      else put(field, row, (values[row] as number) * (isTime ? 1000 : 1));
    }
  }
  for (let row = 0; row < count; row++) {
    const place = reasons.of[row] as number;
    const text = reasons.values[place] as string;
    put("dns", row, nameOf[destinations.of[row] as number] as number);
    if (!text.includes("/")) continue;
    put("rule", row, place + 1);
    put("reason", row, columns.verdict[row] === 2 ? deniedReason : policyReason);
  }
  const rules = reasons.values.map((text, place) => ({ generation, rule: place + 1, text }));
  const header = { node, bootId, block, clockOffsetNs: 0n, rules, processes, names };
  return { header, records, count };
}

/** Messages of these blocks without end; each time round they are `lapUs` later, and new blocks. */
export function* messagesOf(
  blocks: readonly RecordedBlock[],
  lapUs: number,
): Generator<{ key: string; value: Uint8Array; rows: number }, never> {
  const encoder = createFlowEncoder();
  const blocksPerLap = Math.max(...blocks.map(({ header }) => header.block));
  let out = new Uint8Array(0);
  for (let lap = 0; ; lap++) {
    const byNs = BigInt(lap) * BigInt(lapUs) * 1000n;
    for (const { header, records, count } of blocks) {
      const later = {
        ...header,
        clockOffsetNs: header.clockOffsetNs + byNs,
        block: header.block + lap * blocksPerLap,
      };
      const most = encoder.maxBytes(later, count);
      if (out.length < most) out = new Uint8Array(2 * most);
      const bytes = encoder.encode(later, records, count, out);
      yield { key: header.node, value: out.slice(0, bytes), rows: count };
    }
  }
}
