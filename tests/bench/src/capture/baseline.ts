import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createKafkaBus, openSpool, spoolDefaults } from "@weir/bus";
import { createFlowEncoder, flowRecordBytes, recordCodec } from "@weir/codec";
import type { FlowBlock } from "@weir/codec";
import { shopTraffic } from "../codec/shop-traffic.ts";

/** What a plain program does: an object, an Avro record through avsc and a message for each event. */
export interface Baseline {
  toSpool: number;
  toBroker: number;
  /** Messages on its topic then. */
  messages: number;
}

/** A message an event, a thousand of them a send: what is left of it tells their size on the wire. */
export const plainTopic = { name: "weir.bench.plain", partitions: 1, compacted: false };
/** Messages handed over at once, as a careful program does. */
const atOnce = 1000;

const header = {
  ...{ node: "node-1", bootId: "0b1a4b0e-7d4e-4a57-9b3f-5d2c33a1f001", block: 1 },
  ...{ rules: [], processes: [], names: [] },
  clockOffsetNs: 1_790_000_000_123_456_789n,
};

/** Events a second of one core, by processor time; the objects are given, which is half the work. */
export async function measureBaseline(broker: string, quick: boolean): Promise<Baseline> {
  const count = quick ? 20_000 : 100_000;
  const avro = recordCodec("FlowBlock");
  const events = singleEvents(1000).map((message) => avro.decode(message));
  const encode = (at: number): Uint8Array => avro.encode(events[at % events.length] as FlowBlock);
  const toSpool = await spool(count, encode);
  const toBroker = await send(broker, count, encode);
  return { toSpool, toBroker, messages: count + atOnce };
}

/** Blocks of one flow. */
function singleEvents(count: number): Uint8Array[] {
  const records = shopTraffic(count, 1);
  const encoder = createFlowEncoder();
  const out = new Uint8Array(encoder.maxBytes(header, 1));
  return Array.from({ length: count }, (_, at) => {
    const record = records.subarray(at * flowRecordBytes, (at + 1) * flowRecordBytes);
    return out.slice(0, encoder.encode(header, record, 1, out));
  });
}

async function spool(count: number, encode: (at: number) => Uint8Array): Promise<number> {
  const directory = mkdtempSync(join(tmpdir(), "weir-baseline-"));
  try {
    using opened = await openSpool({ ...spoolDefaults, directory });
    return await perCoreSecond(count, () => {
      for (let at = 0; at < count; at++) {
        const numbers = { stream: "plain", number: at + 1, records: 1, total: at + 1 };
        opened.append({ ...numbers, value: encode(at) });
      }
    });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function send(
  broker: string,
  count: number,
  encode: (at: number) => Uint8Array,
): Promise<number> {
  await using bus = createKafkaBus({ brokers: [broker] });
  await bus.ensureTopics([plainTopic]);
  const batch = (from: number): Promise<void> =>
    bus.send(
      plainTopic.name,
      Array.from({ length: atOnce }, (_, at) => ({ key: "node-1", value: encode(from + at) })),
    );
  await batch(0);
  return await perCoreSecond(count, async () => {
    for (let from = 0; from < count; from += atOnce) await batch(from);
  });
}

async function perCoreSecond(count: number, work: () => Promise<void> | void): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return count / ((user + system) / 1e6);
}
