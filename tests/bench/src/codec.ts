import { promisify } from "node:util";
import zlib from "node:zlib";
import { createFlowDecoder, createFlowEncoder, flowRecordBytes, recordCodec } from "@weir/codec";
import type { BlockHeader } from "@weir/codec";
import { percentile, result } from "./result.ts";
import type { Bench, Result } from "./result.ts";
import { shopTraffic } from "./codec/shop-traffic.ts";

/** What a collector under load puts into a block. */
const rowsPerBlock = 500;
const blocks = 100;

const header: BlockHeader = {
  node: "node-1",
  bootId: "0b1a4b0e-7d4e-4a57-9b3f-5d2c33a1f001",
  block: 1_000_000,
  clockOffsetNs: 1_790_000_000_123_456_789n,
  rules: [4, 5, 6, 7, 8, 9].map((rule) => ({
    generation: 3,
    rule,
    text: `shop/service-${rule} ingress[0]`,
  })),
  processes: Array.from({ length: 12 }, (_, pod) => ({
    ...{ pid: 1000 + pod, start: 1_790_000_000_120_000, comm: "node", cgroup_id: 4200 + pod },
    ...{ executable: "/usr/bin/node", container: "" },
  })),
  names: ["cart.shop.svc.cluster.local", "database.shop.svc.cluster.local"],
};

/** Nanoseconds for each of `rows`, which one call of `work` handles. */
function nsPerRow(rows: number, work: () => void): number {
  const before = performance.now();
  work();
  return ((performance.now() - before) * 1e6) / rows;
}

interface Contest {
  rows: number;
  generated: () => void;
  /** Slower: does with fewer. */
  baselineRows: number;
  baseline: () => void;
}

/** Medians over interleaved rounds: both see the same machine. */
function compare(contest: Contest, rounds: number): [number, number] {
  const [generated, baseline]: [number[], number[]] = [[], []];
  for (let round = 0; round <= rounds; round++) {
    const one = nsPerRow(contest.rows, contest.generated);
    const other = nsPerRow(contest.baselineRows, contest.baseline);
    // The first round compiles.
    if (round === 0) continue;
    generated.push(one);
    baseline.push(other);
  }
  return [percentile(generated, 0.5), percentile(baseline, 0.5)];
}

const zstd = promisify(zlib.zstdCompress);
const gzip = promisify(zlib.gzip);

async function run({
  quick,
  progress,
}: {
  quick: boolean;
  progress: (text: string) => void;
}): Promise<Result[]> {
  const rounds = quick ? 5 : 20;
  const records = shopTraffic(rowsPerBlock * blocks, 1);
  const parts = Array.from({ length: blocks }, (_, block) =>
    records.subarray(
      block * rowsPerBlock * flowRecordBytes,
      (block + 1) * rowsPerBlock * flowRecordBytes,
    ),
  );
  const [encoder, decoder] = [createFlowEncoder(), createFlowDecoder()];
  const out = new Uint8Array(encoder.maxBytes(header, rowsPerBlock));
  const encode = (part: Uint8Array): number => encoder.encode(header, part, rowsPerBlock, out);
  const messages = parts.map((part) => out.slice(0, encode(part)));
  const avro = recordCodec("FlowBlock");
  const few = messages.slice(0, 5);
  const plain = few.map((message) => avro.decode(message));

  const [rows, baselineRows] = [rowsPerBlock * blocks, rowsPerBlock * few.length];
  const told = (what: string, ns: number): void =>
    progress(`${what} ${ns.toFixed(1)} ns a record, ${(1000 / ns).toFixed(1)} M records/s`);
  const [encodeNs, avscEncodeNs] = compare(
    {
      ...{ rows, generated: () => parts.forEach((part) => encode(part)) },
      ...{ baselineRows, baseline: () => plain.forEach((block) => avro.encode(block)) },
    },
    rounds,
  );
  told("encode", encodeNs);
  const [decodeNs, avscDecodeNs] = compare(
    {
      ...{ rows, generated: () => messages.forEach((message) => decoder.decode(message)) },
      ...{ baselineRows, baseline: () => few.forEach((message) => avro.decode(message)) },
    },
    rounds,
  );
  told("decode", decodeNs);
  const perRow = (sizes: number[]): number => sizes.reduce((sum, size) => sum + size, 0) / rows;
  const zipped = await Promise.all(messages.map(async (message) => (await zstd(message)).length));
  const gzipped = await Promise.all(messages.map(async (message) => (await gzip(message)).length));
  const raw = perRow(messages.map((message) => message.length));
  return [
    result("codec", "encode", encodeNs, "ns", avscEncodeNs),
    result("codec", "decode", decodeNs, "ns", avscDecodeNs),
    result("codec", "bytes", raw, "B", flowRecordBytes),
    result("codec", "bytes-zstd", perRow(zipped), "B", perRow(gzipped)),
  ];
}

export const codec: Bench = {
  name: "codec",
  about: "a record into a block and out of it, and the bytes it takes, of the shop's traffic",
  run,
};
