import { readdirSync, writeFileSync } from "node:fs";
import avro from "avsc";
import { CodecError } from "./error.ts";
import { createFlowDecoder } from "./flow-decoder.ts";
import { frameBytes, writeFrame } from "./frame.ts";
import { policySetCodec, policySetIndexCodec, recordCodec } from "./record-codec.ts";
import {
  type RecordName,
  readWritten as read,
  schemaId,
  schemas,
  writtenDirectory,
  writtenFiles,
} from "./schemas.ts";
import { blockOf, randomFlow, randomLists } from "./testing/flows.ts";
import { random } from "./testing/random.ts";
import { writtenFile } from "./written.ts";

// npm run written -w @weir/codec
if (process.env["WEIR_WRITE_SCHEMAS"] === "1")
  for (const schema of Object.values(schemas))
    if (!writtenFiles.has(writtenFile(schema)))
      writeFileSync(
        new URL(writtenFile(schema), writtenDirectory),
        `${JSON.stringify(schema.type.schema())}\n`,
      );
const files = readdirSync(writtenDirectory);
const recordOf = (file: string): RecordName => file.split(".")[0] as RecordName;
/** The block as it was before a flow had room for what is known of it. */
const before = "FlowBlock.380c66bc.avsc";

function framed(type: avro.Type, value: unknown): Uint8Array {
  const body = type.toBuffer(value);
  const message = new Uint8Array(frameBytes + body.length);
  writeFrame(message, schemaId(type));
  message.set(body, frameBytes);
  return message;
}

/** Of a record only what `type` has. */
function only(type: avro.Type, value: unknown): unknown {
  if (type instanceof avro.types.RecordType) {
    const record = value as Record<string, unknown>;
    return Object.fromEntries(
      type.fields.map(({ name, type: of }) => [name, only(of, record[name])]),
    );
  }
  if (type instanceof avro.types.ArrayType)
    return (value as unknown[]).map((one) => only(type.itemsType, one));
  return value;
}

/** As values, without avsc's classes. */
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

describe("the schemas that messages were written with", () => {
  it("have those in force among them: npm run written -w @weir/codec keeps a changed one", () => {
    expect(files).toEqual(expect.arrayContaining(Object.values(schemas).map(writtenFile)));
    expect(files.length).toBeGreaterThan(Object.keys(schemas).length);
  });

  it.each(files)("%s is what its name says, and its records become those of now", (file) => {
    const type = read(file);
    const schema = schemas[recordOf(file)];
    expect(writtenFile({ name: type.name ?? "", id: schemaId(type) })).toBe(file);
    const codec = recordCodec(recordOf(file));
    for (let round = 0; round < 30; round++) {
      const value: unknown = type.random();
      const message = framed(type, value);
      const decoded = codec.decode(message);
      expect(plain(only(type, decoded))).toEqual(plain(value));
      expect(schema.type.isValid(decoded)).toBe(true);
      expect(codec.reads(message)).toBe(true);
    }
  });

  it("are told apart where a topic has several records", () => {
    const earlier = framed(
      read("PolicySet.47bc1774.avsc"),
      read("PolicySet.47bc1774.avsc").random(),
    );
    expect([policySetCodec.reads(earlier), policySetIndexCodec.reads(earlier)]).toEqual([
      true,
      false,
    ]);
    expect(policySetCodec.reads(new Uint8Array(3))).toBe(false);
  });
});

describe("a block of flows of an earlier schema", () => {
  const none = { process: 0n, dns: 0n, srtt_us: 0n, retransmits: 0n, first_byte_us: 0n };
  const made = (seed: number, count: number): { today: Uint8Array; earlier: Uint8Array } => {
    const chance = random(seed);
    const flows = Array.from({ length: count }, () => ({
      ...randomFlow(chance, 10n ** 15n),
      ...{ ...none, handshake_rtt_us: 0n, close_reason: 0n },
    }));
    const header = {
      ...{ node: chance.text(20), bootId: "boot", block: seed },
      ...{ clockOffsetNs: 1_790_000_000_000_000_321n, ...randomLists(chance) },
      rules: [{ generation: 1, rule: 2, text: "shop/cart ingress[0]" }],
    };
    const block = { ...blockOf(header, flows), processes: [], names: [] };
    return { today: recordCodec("FlowBlock").encode(block), earlier: framed(read(before), block) };
  };

  it.each([0, 1, 7, 300, 5000])("has the columns that it would have today: %i flows", (count) => {
    const { today, earlier } = made(count, count);
    expect(earlier).not.toEqual(today);
    const decoded = createFlowDecoder().decode(earlier);
    expect(decoded.count).toBe(count);
    expect(decoded).toEqual(createFlowDecoder().decode(today));
  });

  it("goes with the others through one decoder", () => {
    const decoder = createFlowDecoder();
    const { today, earlier } = made(3, 9);
    for (const message of [earlier, today, earlier]) expect(decoder.decode(message).count).toBe(9);
  });

  it("that is malformed is refused, before anything is made of what it claims", () => {
    const { earlier } = made(5, 20);
    for (let length = 0; length < earlier.length; length++)
      expect(() => createFlowDecoder().decode(earlier.slice(0, length))).toThrow(CodecError);
    // Node, boot and number, and a billion rules.
    const claims = Uint8Array.of(
      ...earlier.slice(0, frameBytes),
      0,
      0,
      0,
      0,
      0x80,
      0xa8,
      0xd6,
      0xb9,
      7,
    );
    expect(() => createFlowDecoder().decode(claims)).toThrow(/counts 1000000000 items/);
    const large = new Uint8Array((2 << 20) + 1);
    large.set(earlier.slice(0, frameBytes));
    expect(() => createFlowDecoder().decode(large)).toThrow(/has at most 2097152/);
  });

  it("whose schema nobody kept is refused by its id", () => {
    const { earlier } = made(5, 1);
    const other = earlier.slice();
    writeFrame(other, 12345);
    expect(() => createFlowDecoder().decode(other)).toThrow(/has schema id 12345, known is \d+/);
    // Of another record: the id is not that of a block.
    writeFrame(other, schemas.Workload.id);
    expect(() => createFlowDecoder().decode(other)).toThrow(/has schema id/);
  });
});
