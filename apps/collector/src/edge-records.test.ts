import { flowLayout, flowRecordBytes, flowSymbols } from "@weir/codec";
import { keepNumbered } from "./edge-records.ts";

type Kind = (typeof flowSymbols.kind)[number];

function record(kind: Kind, replyBytes = 0): Uint8Array {
  const bytes = new Uint8Array(flowRecordBytes);
  bytes[flowLayout.kind.offset] = flowSymbols.kind.indexOf(kind);
  bytes[flowLayout.reply_bytes.offset] = replyBytes;
  return bytes;
}

describe("records that are worth a row", () => {
  it("are the end of a connection that another one replaced", () => {
    const ended = record("closed");
    ended[flowLayout.close_reason.offset] = flowSymbols.close_reason.indexOf("replaced");
    expect(keepNumbered(ended, 1, new Uint8Array(flowRecordBytes))).toBe(1);
  });

  it("carry numbers, or the end of an idle connection", () => {
    const records = [
      record("closed", 7),
      record("closed"),
      record("changed"),
      record("idle"),
      record("active", 1),
      record("denied_edge"),
    ];
    const into = new Uint8Array(records.length * flowRecordBytes);
    const kept = keepNumbered(Buffer.concat(records), records.length, into);
    const kinds = Array.from(
      { length: kept },
      (_, at) => flowSymbols.kind[into[at * flowRecordBytes + flowLayout.kind.offset] ?? 0],
    );
    expect(kinds).toEqual(["closed", "idle", "active"]);
  });
});
