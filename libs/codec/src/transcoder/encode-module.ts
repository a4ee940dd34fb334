import { ValueList } from "./value-list.ts";
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
   * Begins a list of the distinct values of listed fields at `values`. `table` has room for `slots`
   * u32, a power of two above the number of values.
   */
  beginList(table: number, slots: number, values: number, seed: bigint): void;
  /** How many distinct values there were since `beginList`. */
  listed: WebAssembly.Global<"i32">;
  /**
   * Writes `count` records to `out` and returns where they end. `running` has room for 65536 u64
   * that are 0, and are again afterwards.
   */
  rows(
    ...[records, count, running, out, clockOffsetNs, baseMicros]: [
      ...[number, number, number, number],
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
  const list = new ValueList(module);
  module.function(
    "rows",
    { parameters: ["i32", "i32", "i32", "i32", "i64", "i64"], result: "i32" },
    (scope) => new RowWriter(scope, plans, recordBytes, { wall, writeLong, list }).code(),
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

interface Parts {
  wall: (...operands: Code[]) => Code;
  writeLong: (...operands: Code[]) => Code;
  list: ValueList;
}

class RowWriter {
  readonly #plans: readonly FieldPlan[];
  readonly #recordBytes: number;
  readonly #parts: Parts;
  readonly #row: Variable;
  readonly #count: Variable;
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
  readonly #lookUp: ReturnType<ValueList["lookUp"]>;

  constructor(
    { parameters, local }: FunctionScope,
    plans: readonly FieldPlan[],
    recordBytes: number,
    parts: Parts,
  ) {
    [this.#row, this.#count, this.#running, this.#at] = parameters as [
      ...[Variable, Variable, Variable, Variable],
    ];
    [this.#clockOffset, this.#base] = parameters.slice(4) as [Variable, Variable];
    this.#plans = plans;
    this.#recordBytes = recordBytes;
    this.#parts = parts;
    this.#lookUp = parts.list.lookUp(local);
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
    return clock.set(this.#parts.wall(i64.load(this.#row.get, offset), this.#clockOffset.get));
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
      const { find, index } = this.#lookUp(this.#row.get, offset);
      return [...find, ...this.#writeUnsigned(index, most)];
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

  /** Numbers of up to three bytes, as most are, are written without a loop. */
  #write(value: Code, most: bigint): Code {
    const at = this.#at;
    const code = this.#value;
    const byte = (index: number): Code => i64.shrU(code.get, i64.const(BigInt(7 * index)));
    const inBytes = (count: number): Code => {
      const bytes = Array.from({ length: count }, (_, index) => {
        const more = index < count - 1 ? i64.or(byte(index), i64.const(0x80n)) : byte(index);
        return i64.store8(at.get, more, index);
      });
      return [...bytes.flat(), ...at.set(i32.add(at.get, i32.const(count)))];
    };
    const upTo = (count: number): Code => {
      const limit = 2n ** BigInt(7 * count);
      if (most < limit) return inBytes(count);
      const more = count < 3 ? upTo(count + 1) : at.set(this.#parts.writeLong(at.get, code.get));
      return when(i64.ltU(code.get, i64.const(limit)), inBytes(count), more);
    };
    return [...code.set(value), ...upTo(1)];
  }
}
