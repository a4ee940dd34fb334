import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { createKafkaBus } from "@weir/bus";
import type { Bus } from "@weir/bus";
import { createFlowEncoder, flowRecordBytes } from "@weir/codec";
import { shopTraffic } from "../codec/shop-traffic.ts";
import { result } from "../result.ts";
import type { Result } from "../result.ts";
import { plainTopic } from "./baseline.ts";
import type { Baseline } from "./baseline.ts";

const rule = (of: number): { generation: number; rule: number; text: string } => ({
  ...{ generation: 3, rule: of },
  text: `shop/service-${of} ingress[0]`,
});

/**
 * Bytes of a flow of the shop on the wire, as the broker keeps them: batches are stored as they are
 * sent. Blocks of 500 flows are those of a tenth of a second at 5,000 flows a second, of 30 those of
 * a node where little happens; each goes alone.
 */
export async function measureWire(
  broker: { address: string; directory: string },
  plain: Baseline,
): Promise<Result[]> {
  await using bus = createKafkaBus({ brokers: [broker.address] });
  const plainBytes = bytesOf(broker.directory, plainTopic.name) / plain.messages;
  return [
    result("capture", "wire-bytes-per-flow", await sent(bus, broker, 500), "B", plainBytes),
    result("capture", "wire-bytes-per-flow-30", await sent(bus, broker, 30), "B", plainBytes),
  ];
}

async function sent(bus: Bus, broker: { directory: string }, rows: number): Promise<number> {
  const blocks = 40;
  const name = `weir.bench.wire-${rows}`;
  await bus.ensureTopics([{ name, partitions: 1, compacted: false }]);
  const records = shopTraffic(rows * blocks, 1);
  const encoder = createFlowEncoder();
  for (let block = 0; block < blocks; block++) {
    const header = {
      ...{ node: "node-1", bootId: "0b1a4b0e-7d4e-4a57-9b3f-5d2c33a1f001", block },
      ...{ rules: [4, 5, 6, 7, 8, 9].map(rule), processes: [], names: [] },
      clockOffsetNs: 1_790_000_000_123_456_789n,
    };
    const out = new Uint8Array(encoder.maxBytes(header, rows));
    const from = block * rows * flowRecordBytes;
    const part = records.subarray(from, from + rows * flowRecordBytes);
    const value = out.subarray(0, encoder.encode(header, part, rows, out));
    await bus.send(name, [{ key: "node-1", value }]);
  }
  return bytesOf(broker.directory, name) / (rows * blocks);
}

/** Of a topic with one partition, in the broker's files. */
function bytesOf(directory: string, topic: string): number {
  const folder = join(directory, "data", `${topic}-0`);
  const logs = readdirSync(folder).filter((file) => file.endsWith(".log"));
  return logs.reduce((sum, file) => sum + statSync(join(folder, file)).size, 0);
}
