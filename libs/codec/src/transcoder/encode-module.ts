import { fillMemory, i32, i64, select, when, whileTrue } from "../wasm/code.ts";
import type { Code } from "../wasm/code.ts";
import { WasmModule } from "../wasm/module.ts";
import type { FunctionScope, Variable } from "../wasm/module.ts";
import type { FieldMapping, FieldPlan } from "./plan.ts";

/** Functions of the generated encoder; addresses are offsets into `memory`. */
export interface EncodeExports {
  memory: WebAssembly.Memory;
  /** A kernel time as microseconds of wall time, held to 1970 to 2112. */
  wall(monotonicNs: bigint, clockOffsetNs: bigint): bigint;
  /**
   * Lists the distinct values of the listed fields of `count` records at `values`, and at `indexes`
   * which is whose, row by row. Returns how many there are. `table` has room for `slots` u32, a
   * power of two above the number of values.
   */
  list(
    ...[records, count, table, slots, indexes, values, seed]: [
      ...[number, number, number, number, number, number],
      bigint,
    ]
  ): number;
  /**
   * Writes `count` records to `out` and returns where they end. `running` has room for 65536 u64
   * that are 0, and are again afterwards.
   */
  rows(
    ...[records, count, indexes, running, out, clockOffsetNs, baseMicros]: [
      ...[number, number, number, number, number],
      bigint,
      bigint,
    ]
  ): number;
}

/** Room for the latest value of each u16. */
export const runningTableBytes = 65_536 * 8;

/** Generates the encoder of records of `recordBytes` as `plans` say. */
export function encodeModule(
  plans: readonly FieldPlan[],
  recordBytes: number,
  memoryBytes: number,
): WebAssembly.Module {
  const module = new WasmModule();
  const wall = module.function("wall", { parameters: ["i64", "i64"], result: "i64" }, wallMicros);
  const writeLong = module.function(
    undefined,
    { parameters: ["i32", "i64"], result: "i32" },
    writeNumber,
  );
  const listed = plans.filter((plan) => plan.type === "listed");
  module.function(
    "list",
    { parameters: ["i32", "i32", "i32", "i32", "i32", "i32", "i64"], result: "i32" },
    (scope) => listValues(scope, listed, recordBytes),
  );
  module.function(
    "rows",
    { parameters: ["i32", "i32", "i32", "i32", "i32", "i64", "i64"], result: "i32" },
    (scope) => new RowWriter(scope, plans, recordBytes, wall, writeLong).code(),
  );
  return new WebAssembly.Module(module.encode(memoryBytes));
}

const maxWallMicros = 2n ** 52n - 1n;

function wallMicros({ parameters, local }: FunctionScope): Code {
  const [time, offset] = parameters as [Variable, Variable];
  const wall = local("i64");
  return [
    ...wall.set(i64.add(time.get, offset.get)),
    ...wall.set(select(i64.const(0n), wall.get, i64.ltS(wall.get, i64.const(0n)))),
    ...wall.set(i64.divU(wall.get, i64.const(1000n))),
    ...atMost(wall.get, maxWallMicros),
  ];
}

function atMost(value: Code, most: bigint): Code {
  return select(i64.const(most), value, i64.gtU(value, i64.const(most)));
}

function writeNumber({ parameters }: FunctionScope): Code {
  const [at, rest] = parameters as [Variable, Variable];
  return [
    ...whileTrue(i64.gtU(rest.get, i64.const(127n)), [
      ...i64.store8(at.get, i64.or(rest.get, i64.const(128n))),
      ...rest.set(i64.shrU(rest.get, i64.const(7n))),
      ...at.set(i32.add(at.get, i32.const(1))),
    ]),
    ...i64.store8(at.get, rest.get),
    ...i32.add(at.get, i32.const(1)),
  ];
}

/**
 * A hash table with open addressing. Addresses come from whoever sends packets: the seed keeps them
 * from choosing ones that collide.
 */
function listValues(
  { parameters, local }: FunctionScope,
  fields: readonly FieldPlan[],
  recordBytes: number,
): Code {
  const [row, count, table, slots, indexes, values, seed] = parameters as [
    ...[Variable, Variable, Variable, Variable, Variable, Variable],
    Variable,
  ];
  const [found, slot, entry, value] = [local("i32"), local("i32"), local("i32"), local("i32")];
  const [low, high, mixed] = [local("i64"), local("i64"), local("i64")];
  const place = i32.add(table.get, i32.shl(slot.get, i32.const(2)));
  const mix = (by: bigint): Code => [
    ...mixed.set(i64.mul(mixed.get, i64.const(by))),
    ...mixed.set(i64.xor(mixed.get, i64.shrU(mixed.get, i64.const(32n)))),
  ];
  const wrapSlot = (to: Code): Code => slot.set(i32.and(to, i32.add(slots.get, i32.const(-1))));
  const other: Code = i64.or(
    i64.xor(i64.load(value.get), low.get),
    i64.xor(i64.load(value.get, 8), high.get),
  );
  const lookUp = (field: FieldPlan): Code => [
    ...low.set(i64.load(row.get, field.offset)),
    ...high.set(i64.load(row.get, field.offset + 8)),
    ...mixed.set(i64.xor(low.get, seed.get)),
    ...mix(0x9e3779b97f4a7c15n),
    ...mixed.set(i64.xor(mixed.get, high.get)),
    ...mix(0xbf58476d1ce4e5b9n),
    ...wrapSlot(i32.wrap(mixed.get)),
    ...whileTrue(
      [
        ...entry.set(i32.load(place)),
        // An empty slot has 0, the first value 1: what lies before `values` is read and not used.
        ...value.set(i32.add(values.get, i32.shl(i32.add(entry.get, i32.const(-1)), i32.const(4)))),
        ...i32.and(i32.eqz(i32.eqz(entry.get)), i32.eqz(i64.eqz(other))),
      ],
      wrapSlot(i32.add(slot.get, i32.const(1))),
    ),
    ...when(i32.eqz(entry.get), [
      ...value.set(i32.add(values.get, i32.shl(found.get, i32.const(4)))),
      ...i64.store(value.get, low.get),
      ...i64.store(value.get, high.get, 8),
      ...found.set(i32.add(found.get, i32.const(1))),
      ...entry.set(found.get),
      ...i32.store(place, entry.get),
    ]),
    ...i32.store(indexes.get, i32.add(entry.get, i32.const(-1))),
    ...indexes.set(i32.add(indexes.get, i32.const(4))),
  ];
  return [
    ...fillMemory(table.get, i32.const(0), i32.shl(slots.get, i32.const(2))),
    ...whileTrue(count.get, [
      ...fields.flatMap(lookUp),
      ...row.set(i32.add(row.get, i32.const(recordBytes))),
      ...count.set(i32.add(count.get, i32.const(-1))),
    ]),
    ...found.get,
  ];
}

class RowWriter {
  readonly #plans: readonly FieldPlan[];
  readonly #recordBytes: number;
  readonly #wall: (...operands: Code[]) => Code;
  readonly #writeLong: (...operands: Code[]) => Code;
  readonly #row: Variable;
  readonly #count: Variable;
  readonly #indexes: Variable;
  readonly #running: Variable;
  readonly #at: Variable;
  readonly #clockOffset: Variable;
  /** Of the row before, starting with the base; by the names of the clocks that need it. */
  readonly #base: Variable;
  readonly #before = new Map<string, Variable>();
  readonly #clocks = new Map<string, Variable>();
  readonly #value: Variable;
  readonly #place: Variable;
  readonly #lastPlace: Variable;

  constructor(
    { parameters, local }: FunctionScope,
    plans: readonly FieldPlan[],
    recordBytes: number,
    wall: (...operands: Code[]) => Code,
    writeLong: (...operands: Code[]) => Code,
  ) {
    [this.#row, this.#count, this.#indexes, this.#running, this.#at] = parameters as [
      ...[Variable, Variable, Variable, Variable, Variable],
    ];
    [this.#clockOffset, this.#base] = parameters.slice(5) as [Variable, Variable];
    this.#plans = plans;
    this.#recordBytes = recordBytes;
    this.#wall = wall;
    this.#writeLong = writeLong;
    for (const { name, mapping } of plans) {
      if (mapping?.kind !== "clock") continue;
      this.#clocks.set(name, local("i64"));
      if ("sinceRowBefore" in mapping) this.#before.set(name, local("i64"));
    }
    [this.#value, this.#place, this.#lastPlace] = [local("i64"), local("i32"), local("i32")];
  }

  code(): Code {
    const lastPlace = this.#lastPlace;
    return [
      ...[...this.#before.values()].flatMap((before) => before.set(this.#base.get)),
      ...lastPlace.set(this.#running.get),
      ...whileTrue(this.#count.get, [
        ...this.#plans.flatMap((plan) => this.#readClock(plan)),
        ...this.#plans.flatMap((plan) => this.#writeField(plan)),
        ...this.#row.set(i32.add(this.#row.get, i32.const(this.#recordBytes))),
        ...this.#count.set(i32.add(this.#count.get, i32.const(-1))),
      ]),
      ...fillMemory(
        this.#running.get,
        i32.const(0),
        i32.add(i32.sub(lastPlace.get, this.#running.get), i32.const(8)),
      ),
      ...this.#at.get,
    ];
  }

  #readClock({ name, offset }: FieldPlan): Code {
    const clock = this.#clocks.get(name);
    if (clock === undefined) return [];
    return clock.set(this.#wall(i64.load(this.#row.get, offset), this.#clockOffset.get));
  }

  #writeField(plan: FieldPlan): Code {
    const { offset, bytes, type, most } = plan;
    const row = this.#row.get;
    switch (type) {
      case "fixed":
        return this.#copy(offset, bytes);
      case "bits32":
        return this.#writeSigned(i64.load32Signed(row, offset));
      case "enum":
        return this.#writeUnsigned(
          select(
            i64.load8(row, offset),
            i64.const(0n),
            i32.eqz(i64.gtU(i64.load8(row, offset), i64.const(most))),
          ),
          most,
        );
      case "number": {
        const loads = { 1: i64.load8, 2: i64.load16, 8: i64.load };
        const value = loads[bytes as keyof typeof loads](row, offset);
        return this.#writeUnsigned(bytes === 8 ? this.#held(value, most) : value, most);
      }
      default:
        return this.#writeMapped(plan, plan.mapping as FieldMapping);
    }
  }

  #writeMapped({ name, offset, most }: FieldPlan, mapping: FieldMapping): Code {
    if (mapping.kind === "listed") {
      const index = i64.extend(i32.load(this.#indexes.get));
      return [
        ...this.#writeUnsigned(index, most),
        ...this.#indexes.set(i32.add(this.#indexes.get, i32.const(4))),
      ];
    }
    if (mapping.kind === "running") return this.#writeRunning(offset, most, mapping.per);
    const clock = this.#clocks.get(name) as Variable;
    if ("before" in mapping) {
      const later = this.#clocks.get(mapping.before) as Variable;
      return this.#writeSigned(i64.sub(later.get, clock.get));
    }
    const before = this.#before.get(name) as Variable;
    return [...this.#writeSigned(i64.sub(clock.get, before.get)), ...before.set(clock.get)];
  }

  #writeRunning(offset: number, most: bigint, per: string): Code {
    const by = this.#plans.find((plan) => plan.name === per) as FieldPlan;
    const place = this.#place;
    const now = this.#held(i64.load(this.#row.get, offset), most);
    return [
      ...place.set(
        i32.add(this.#running.get, i32.shl(i32.load16(this.#row.get, by.offset), i32.const(3))),
      ),
      ...this.#lastPlace.set(
        select(place.get, this.#lastPlace.get, i32.gtU(place.get, this.#lastPlace.get)),
      ),
      ...this.#writeSigned(i64.sub(now, i64.load(place.get))),
      ...i64.store(place.get, this.#held(i64.load(this.#row.get, offset), most)),
    ];
  }

  #held(value: Code, most: bigint): Code {
    return [...this.#value.set(value), ...atMost(this.#value.get, most)];
  }

  #copy(offset: number, bytes: number): Code {
    const words = Array.from({ length: bytes / 8 }, (_, word) => word * 8);
    return [
      ...words.flatMap((word) =>
        i64.store(this.#at.get, i64.load(this.#row.get, offset + word), word),
      ),
      ...this.#at.set(i32.add(this.#at.get, i32.const(bytes))),
    ];
  }

  #writeUnsigned(value: Code, most: bigint): Code {
    return this.#write(i64.shl(value, i64.const(1n)), most * 2n);
  }

  #writeSigned(value: Code): Code {
    const code = this.#value;
    const zigzag = i64.xor(i64.shl(code.get, i64.const(1n)), i64.shrS(code.get, i64.const(63n)));
    return [...code.set(value), ...this.#write(zigzag, 2n ** 63n)];
  }

  /** Most numbers of a flow take one byte or two. */
  #write(value: Code, most: bigint): Code {
    const { get: at, set: setAt } = this.#at;
    const code = this.#value;
    const one: Code = [...i64.store8(at, code.get), ...setAt(i32.add(at, i32.const(1)))];
    if (most < 128n) return [...code.set(value), ...one];
    const low = i64.or(code.get, i64.const(0x80n));
    const two: Code = [
      ...i64.store8(at, low),
      ...i64.store8(at, i64.shrU(code.get, i64.const(7n)), 1),
      ...setAt(i32.add(at, i32.const(2))),
    ];
    const more = setAt(this.#writeLong(at, code.get));
    const several = most < 16_384n ? two : when(i64.ltU(code.get, i64.const(16_384n)), two, more);
    return [...code.set(value), ...when(i64.ltU(code.get, i64.const(128n)), one, several)];
  }
}
