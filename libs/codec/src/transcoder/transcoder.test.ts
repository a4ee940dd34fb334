import avro from "avsc";
import { random } from "../testing/random.ts";
import type { Random } from "../testing/random.ts";
import { planColumns, viewColumns } from "./columns.ts";
import type { ColumnPlan, ColumnView } from "./columns.ts";
import { decodeModule, overshootBytes } from "./decode-module.ts";
import type { DecodeExports } from "./decode-module.ts";
import { encodeModule, runningTableBytes } from "./encode-module.ts";
import type { EncodeExports } from "./encode-module.ts";
import { planFields, recordBounds } from "./plan.ts";
import type { FieldLayout, FieldMapping, FieldPlan } from "./plan.ts";

const base = 1_790_000_000_000_000n;
const pageBytes = 65_536;

/** A struct and a record that nobody wrote: any number of fields of any kind, in any order. */
function anyContract(chance: Random): {
  layout: Record<string, FieldLayout>;
  mapping: Record<string, FieldMapping>;
  record: avro.types.RecordType;
  recordBytes: number;
} {
  const layout: Record<string, FieldLayout> = {};
  const mapping: Record<string, FieldMapping> = {};
  const fields: { name: string; type: avro.Schema }[] = [];
  let offset = 0;
  const add = (name: string, bytes: number, type: avro.Schema, mapped?: FieldMapping): void => {
    offset += chance.integer(4);
    layout[name] = { offset, bytes };
    offset += bytes;
    fields.push({ name, type });
    if (mapped !== undefined) mapping[name] = mapped;
  };
  const symbols = Array.from({ length: 1 + chance.integer(120) }, (_, at) => `s${at}`);
  const makers: ((name: string) => void)[] = [
    (name) => add(name, 1, "int"),
    (name) => add(name, 2, "int"),
    (name) => add(name, 4, "int"),
    (name) => add(name, 8, "long"),
    (name) => add(name, 1, { type: "enum", name: `E${name}`, symbols }),
    (name) => add(name, 16, { type: "fixed", name: `F${name}`, size: 16 }),
    (name) => add(name, 8, { type: "fixed", name: `G${name}`, size: 8 }),
    (name) => add(name, 16, "int", { kind: "listed" }),
    (name) => {
      add(`${name}cpu`, 2, "int");
      add(name, 8, "long", { kind: "running", per: `${name}cpu` });
    },
    (name) => {
      // What is less than another clock may come before it or after.
      const early: FieldMapping = { kind: "clock", before: name };
      if (chance.integer(2) === 0) add(`${name}early`, 8, "long", early);
      add(name, 8, "long", { kind: "clock", sinceRowBefore: true });
      if (mapping[`${name}early`] === undefined) add(`${name}early`, 8, "long", early);
      add(`${name}earlier`, 8, "long", { kind: "clock", before: `${name}early` });
    },
  ];
  const count = 1 + chance.integer(12);
  for (let field = 0; field < count; field++) chance.pick(makers)(`f${field}`);
  const record = avro.Type.forSchema({ type: "record", name: "Any", fields });
  return {
    ...{ layout, mapping, recordBytes: offset + chance.integer(9) },
    record: record as avro.types.RecordType,
  };
}

/** What the kernel may leave in a struct: anything, and its limits more often. */
function anyRecords(chance: Random, plans: readonly FieldPlan[], size: number, count: number) {
  const bytes = new Uint8Array(count * size).map(() => chance.integer(256));
  const view = new DataView(bytes.buffer);
  for (let row = 0; row < count; row++) {
    for (const { offset, bytes: width, type } of plans) {
      const at = row * size + offset;
      if (type === "clock")
        view.setBigUint64(at, (base + (chance.bits64() % 10n ** 12n)) * 1000n, true);
      else if (width === 8) view.setBigUint64(at, chance.bits64(), true);
      else if (width !== 16 || chance.integer(2) === 0)
        bytes.fill(chance.pick([0, 1, 255]), at, at + width);
    }
  }
  return bytes;
}

const held = (value: bigint, most: bigint): bigint => (value > most ? most : value);

/** The same rows for avsc, with the same meaning, and its list of values. */
function plainRows(plans: readonly FieldPlan[], records: Uint8Array, size: number, count: number) {
  const values: string[] = [];
  const latest = new Map<string, bigint>();
  const view = new DataView(records.buffer);
  const word = ({ offset }: FieldPlan, row: number): bigint =>
    view.getBigUint64(row * size + offset, true);
  const micros = (plan: FieldPlan, row: number): bigint =>
    held(word(plan, row) / 1000n, 2n ** 52n - 1n);
  const planOf = (name: string): FieldPlan => plans.find((one) => one.name === name) as FieldPlan;
  const rows = Array.from({ length: count }, (_, row) =>
    Object.fromEntries(
      plans.map((plan) => {
        const at = row * size + plan.offset;
        const raw = Buffer.from(records.subarray(at, at + plan.bytes));
        const { name, mapping, most } = plan;
        const less = (key: string, now: bigint, first: bigint): number => {
          const before = latest.get(key) ?? first;
          latest.set(key, now);
          return Number(now - before);
        };
        if (mapping?.kind === "listed") {
          const text = raw.toString("hex");
          if (!values.includes(text)) values.push(text);
          return [name, values.indexOf(text)];
        }
        if (mapping?.kind === "running") {
          const per = view.getUint16(row * size + planOf(mapping.per).offset, true);
          // Whatever is counted by it shares one table.
          return [name, less(`running ${per}`, held(word(plan, row), most), 0n)];
        }
        if (mapping?.kind === "clock") {
          if ("sinceRowBefore" in mapping) return [name, less(name, micros(plan, row), base)];
          return [name, Number(micros(planOf(mapping.before), row) - micros(plan, row))];
        }
        if (plan.type === "fixed") return [name, raw];
        const number = plan.bytes === 8 ? word(plan, row) : BigInt(raw.readUIntLE(0, plan.bytes));
        if (plan.type === "enum") return [name, `s${number > most ? 0 : number}`];
        if (plan.type === "bits32") return [name, Number(BigInt.asIntN(32, number))];
        return [name, Number(held(number, most))];
      }),
    ),
  );
  return { rows, values: values.map((text) => Buffer.from(text, "hex")) };
}

function encodeRows(plans: readonly FieldPlan[], records: Uint8Array, size: number, count: number) {
  const module = encodeModule(plans, size, runningTableBytes);
  const wasm = new WebAssembly.Instance(module).exports as unknown as EncodeExports;
  const listed = count * plans.filter((plan) => plan.type === "listed").length;
  const slots = 2 ** Math.ceil(Math.log2(Math.max(2, 2 * listed)));
  const values = runningTableBytes + records.length;
  const table = values + listed * 16;
  const out = table + slots * 4;
  wasm.memory.grow(Math.ceil((out + count * recordBounds(plans).most) / pageBytes));
  const memory = new Uint8Array(wasm.memory.buffer);
  memory.set(records, runningTableBytes);
  wasm.beginList(table, slots, values, 0x1234_5678_9abc_def1n);
  const end = wasm.rows(runningTableBytes, count, 0, out, 0n, base);
  const list = memory.slice(values, values + wasm.listed.value * 16);
  return {
    bytes: memory.slice(out, end),
    list,
    runningLeft: !Buffer.from(memory.subarray(0, runningTableBytes)).equals(noneRunning),
  };
}

const noneRunning = Buffer.alloc(runningTableBytes);

/** A decoder with room for these rows; its answer to bytes that stand where those of the rows would. */
function rowDecoder(plans: readonly FieldPlan[], most: number, list: Uint8Array, count: number) {
  const module = decodeModule(plans, runningTableBytes);
  const wasm = new WebAssembly.Instance(module).exports as unknown as DecodeExports;
  const columns = planColumns(plans);
  const start = runningTableBytes;
  const values = start + most + overshootBytes(plans);
  const at = Math.ceil((values + list.length + 16) / 8) * 8;
  const rows = Math.ceil(count / 8) * 8;
  wasm.memory.grow(Math.ceil((at + rows * 16 * columns.length) / pageBytes));
  const memory = Buffer.from(wasm.memory.buffer);
  memory.set(list, values);
  return (bytes: Uint8Array) => {
    memory.fill(0xff, start, values);
    memory.set(bytes, start);
    wasm.begin(base, 0);
    const past = start + bytes.length;
    const end = wasm.rows(start, past, count, 0, at, rows, values, list.length / 16);
    wasm.end();
    return {
      ...{ end: end - start, refused: end === 0 },
      columns: viewColumns(columns, wasm.memory, at, rows),
      runningLeft: !memory.subarray(0, start).equals(noneRunning),
    };
  };
}

/** What a column must hold for this row of the struct. */
function expectedCell(plan: FieldPlan, { holds }: ColumnPlan, raw: Buffer): unknown {
  if (holds === "values" || holds === "bytes") return raw;
  const number = plan.bytes === 8 ? raw.readBigUInt64LE() : BigInt(raw.readUIntLE(0, plan.bytes));
  if (plan.type === "bits32") return Number(number);
  if (plan.type === "enum") return number > plan.most ? 0 : Number(number);
  const value = held(plan.type === "clock" ? number / 1000n : number, plan.most);
  return holds === "words" ? value : Number(value);
}

function cell(view: ColumnView, { bytesPerRow, holds }: ColumnPlan, row: number): unknown {
  if (holds !== "values" && holds !== "bytes") return view[row];
  return Buffer.from((view as Uint8Array).subarray(row * bytesPerRow, (row + 1) * bytesPerRow));
}

describe.each(Array.from({ length: 40 }, (_, seed) => seed))(
  "transcoders of contract %i",
  (seed) => {
    const chance = random(seed);
    const { layout, mapping, record, recordBytes } = anyContract(chance);
    const plans = planFields(layout, record, mapping);
    const count = chance.integer(70);
    const records = anyRecords(chance, plans, recordBytes, count);
    const plain = plainRows(plans, records, recordBytes, count);
    const encoded = encodeRows(plans, records, recordBytes, count);
    const decode = rowDecoder(plans, encoded.bytes.length, encoded.list, count);
    const oracle = Buffer.concat(plain.rows.map((row) => record.toBuffer(row)));

    it("write what avsc writes, byte for byte, and the list in order of appearance", () => {
      expect(Buffer.from(encoded.bytes)).toEqual(oracle);
      expect(Buffer.from(encoded.list)).toEqual(Buffer.concat(plain.values));
      expect(encoded.runningLeft).toBe(false);
      expect(encoded.bytes.length).toBeLessThanOrEqual(count * recordBounds(plans).most);
      expect(encoded.bytes.length).toBeGreaterThanOrEqual(count * recordBounds(plans).least);
    });

    it("give back what the struct had", () => {
      const decoded = decode(encoded.bytes);
      expect(decoded).toMatchObject({ end: encoded.bytes.length, runningLeft: false });
      for (const [column, view] of decoded.columns) {
        const plan = plans.find((one) => one.name === column.field) as FieldPlan;
        for (let row = 0; row < count; row++) {
          const at = row * recordBytes + plan.offset;
          const raw = Buffer.from(records.subarray(at, at + plan.bytes));
          if (column.holds === "indexes") {
            const index = view[row] as number;
            expect(Buffer.from(encoded.list.subarray(index * 16, index * 16 + 16))).toEqual(raw);
          } else
            expect([column, cell(view, column, row)]).toEqual([
              column,
              expectedCell(plan, column, raw),
            ]);
        }
      }
    });

    it("refuse rows that are cut off at any byte, and take no more than avsc takes", () => {
      const length = Math.min(encoded.bytes.length, 300);
      for (let end = 0; end < length; end++) {
        const cut = decode(encoded.bytes.subarray(0, end));
        if (!cut.refused || cut.runningLeft) throw new Error(`taken, cut off at byte ${end}`);
      }
      const rounds = count > 0 ? 20 : 0;
      for (let round = 0; round < rounds; round++) {
        const bytes = Uint8Array.from(encoded.bytes);
        bytes[chance.integer(bytes.length)] = chance.integer(256);
        const { refused, end } = decode(bytes);
        if (refused) continue;
        let at = 0;
        for (let row = 0; row < count; row++) at = record.decode(Buffer.from(bytes), at).offset;
        expect(at).toBe(end);
      }
    });
  },
);

describe("a list of values", () => {
  const plans = planFields(
    { addr: { offset: 0, bytes: 16 } },
    avro.Type.forSchema({
      type: "record",
      name: "One",
      fields: [{ name: "addr", type: "int" }],
    }) as avro.types.RecordType,
    { addr: { kind: "listed" } },
  );

  it.each([
    ["the end of an IPv4 subnet", 14],
    ["the middle of IPv6 ones", 6],
    ["their beginning", 0],
  ])("finds addresses that differ in %s within a step or two", (_, at) => {
    const count = 8192;
    const records = new Uint8Array(count * 16);
    const view = new DataView(records.buffer);
    for (let row = 0; row < count; row++) view.setUint16(row * 16 + at, row);
    const module = encodeModule(plans, 16, runningTableBytes);
    const wasm = new WebAssembly.Instance(module).exports as unknown as EncodeExports & {
      searched: WebAssembly.Global<"i32">;
    };
    wasm.memory.grow(20);
    new Uint8Array(wasm.memory.buffer).set(records, runningTableBytes);
    const values = runningTableBytes + records.length;
    const table = values + records.length;
    wasm.beginList(table, 2 * count, values, 0x0fed_cba9_8765_4321n);
    wasm.rows(runningTableBytes, count, 0, table + 8 * count, 0n, 0n);
    expect(wasm.listed.value).toBe(count);
    expect(wasm.searched.value).toBeLessThan(count);
  });
});

describe("a plan", () => {
  const record = (type: avro.Schema): avro.types.RecordType =>
    avro.Type.forSchema({
      type: "record",
      name: "One",
      fields: [{ name: "f", type }],
    }) as avro.types.RecordType;
  const listed: FieldMapping = { kind: "listed" };

  it.each<[string, number, avro.Schema, FieldMapping | undefined]>([
    ["a long from four bytes", 4, "long", undefined],
    ["an int from eight", 8, "int", undefined],
    ["an int from three", 3, "int", undefined],
    ["a string", 16, "string", undefined],
    ["an enum from two bytes", 2, { type: "enum", name: "E", symbols: ["a"] }, undefined],
    ["a fixed of another size", 16, { type: "fixed", name: "F", size: 8 }, undefined],
    ["a list of what are no addresses", 8, "int", listed],
    ["a clock of four bytes", 4, "long", { kind: "clock", sinceRowBefore: true }],
  ])("refuses %s", (_, bytes, type, mapping) => {
    const mapped = mapping === undefined ? {} : { f: mapping };
    expect(() => planFields({ f: { offset: 0, bytes } }, record(type), mapped)).toThrow(/^f: /);
  });

  it("refuses a field that the struct has not", () => {
    expect(() => planFields({}, record("int"), {})).toThrow("the struct has no field f");
  });

  it.each<[string, FieldMapping]>([
    ["before what is no clock", { kind: "clock", before: "g" }],
    ["before itself", { kind: "clock", before: "f" }],
    ["before what is not there", { kind: "clock", before: "h" }],
    ["per what is no u16", { kind: "running", per: "g" }],
    ["per what is not there", { kind: "running", per: "h" }],
  ])("refuses a field %s", (_, mapping) => {
    const both = avro.Type.forSchema({
      type: "record",
      name: "Two",
      fields: [
        { name: "f", type: "long" },
        { name: "g", type: "long" },
      ],
    }) as avro.types.RecordType;
    const layout = { f: { offset: 0, bytes: 8 }, g: { offset: 8, bytes: 8 } };
    expect(() => planFields(layout, both, { f: mapping })).toThrow(/^f: /);
  });
});
