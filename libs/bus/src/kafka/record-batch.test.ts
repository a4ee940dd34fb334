import { createRequire } from "node:module";
import { encodeBatch } from "./record-batch.ts";
import type { RecordBatch } from "./record-batch.ts";

const require = createRequire(import.meta.url);
type Encoded = { buffer: Buffer };
const { RecordBatch: theirBatch } = require("kafkajs/src/protocol/recordBatch/v0") as {
  RecordBatch: (this: void, given: object) => Promise<Encoded>;
};
const theirRecord = require("kafkajs/src/protocol/recordBatch/record/v0") as (
  given: object,
) => Encoded;

/** kafkajs's own encoder, which this one takes the place of. */
async function expected(batch: RecordBatch): Promise<Buffer> {
  const { buffer } = await theirBatch({
    compression: batch.packing === "gzip" ? 1 : 0,
    firstTimestamp: batch.timestampMs,
    maxTimestamp: batch.timestampMs,
    producerId: String(batch.producerId),
    producerEpoch: batch.producerEpoch,
    firstSequence: batch.firstSequence,
    lastOffsetDelta: batch.records.length - 1,
    records: batch.records.map((record, offsetDelta) => theirRecord({ ...record, offsetDelta })),
  });
  return buffer;
}

function ours(batch: RecordBatch): Buffer {
  const { head, body } = encodeBatch(batch);
  return Buffer.concat([head, body]);
}

const plain: RecordBatch = {
  records: [],
  timestampMs: 1_790_000_000_123,
  producerId: 4_000_000_000_017n,
  producerEpoch: 3,
  firstSequence: 0x7fff_fff0,
  packing: "none",
};

const sizes = [0, 1, 63, 64, 127, 128, 8191, 8192, 70_000];

describe("a record batch", () => {
  it("is byte for byte kafkajs's, for every length of varint, for null and for text beyond ASCII", async () => {
    const records = [
      { key: null, value: null, headers: {} },
      { key: "", value: Buffer.alloc(0), headers: { "": "" } },
      { key: "nœud-1 ☂", value: Buffer.from("x"), headers: { größe: "☂☂", other: "2" } },
      ...sizes.map((bytes) => ({
        key: "k".repeat(bytes),
        value: Buffer.alloc(bytes, bytes),
        headers: { h: "v".repeat(bytes) },
      })),
      ...Array.from({ length: 200 }, (_, at) => ({
        key: `key-${at}`,
        value: Buffer.from([at]),
        headers: {},
      })),
    ];
    const batch = { ...plain, records };
    expect(ours(batch).equals(await expected(batch))).toBe(true);
    const notIdempotent = { ...batch, producerId: -1n, producerEpoch: 0, firstSequence: 0 };
    expect(ours(notIdempotent).equals(await expected(notIdempotent))).toBe(true);
  });

  it("packs with gzip what kafkajs packs", async () => {
    const value = Buffer.from("flow ".repeat(5000));
    const records = [{ key: "k", value, headers: {} }];
    const batch: RecordBatch = { ...plain, records, packing: "gzip" };
    expect(ours(batch).equals(await expected(batch))).toBe(true);
  });

  it("leaves a batch that is not packed alone when the next one is made", () => {
    const batch = (text: string): RecordBatch => ({
      ...plain,
      records: [{ key: null, value: Buffer.from(text), headers: {} }],
    });
    const { body } = encodeBatch(batch("first"));
    encodeBatch(batch("other"));
    expect(body.includes("first")).toBe(true);
  });
});
