import { flowLayout, flowRecordBytes, flowSymbols } from "@weir/codec";

const idle = flowSymbols.kind.indexOf("idle");
const replaced = flowSymbols.close_reason.indexOf("replaced");

/**
 * Copies the records that carry numbers, back to back; returns how many. Left out is one
 * whose counters another CPU had just taken. The end of a connection that is idle, or replaced by
 * another one, is told without numbers, too.
 */
export function keepNumbered(records: Uint8Array, count: number, into: Uint8Array): number {
  let kept = 0;
  for (let begin = 0; begin < count;) {
    while (begin < count && !hasNumbers(records, begin)) begin++;
    let end = begin;
    while (end < count && hasNumbers(records, end)) end++;
    into.set(
      records.subarray(begin * flowRecordBytes, end * flowRecordBytes),
      kept * flowRecordBytes,
    );
    kept += end - begin;
    begin = end;
  }
  return kept;
}

function hasNumbers(records: Uint8Array, index: number): boolean {
  const at = index * flowRecordBytes;
  const kind = records[at + flowLayout.kind.offset];
  if (kind === idle || records[at + flowLayout.close_reason.offset] === replaced) return true;
  const from = at + flowLayout.packets.offset;
  for (let byte = from; byte < from + 32; byte++) if (records[byte] !== 0) return true;
  // Two that take at once may overtake each other.
  if (records[at + flowLayout.connections.offset] !== 0) return true;
  const retransmits = at + flowLayout.retransmits.offset;
  for (let byte = retransmits; byte < retransmits + 4; byte++) if (records[byte] !== 0) return true;
  return false;
}
