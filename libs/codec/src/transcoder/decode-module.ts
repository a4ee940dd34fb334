import { f64, fillMemory, giveBack, i32, i64, select, when, whileTrue } from "../wasm/code.ts";
import type { Code } from "../wasm/code.ts";
import { WasmModule } from "../wasm/module.ts";
import type { FunctionScope, Variable } from "../wasm/module.ts";
import { planColumns } from "./columns.ts";
import type { ColumnPlan } from "./columns.ts";
import type { FieldPlan } from "./plan.ts";

/** Functions of the generated decoder; addresses are offsets into `memory`. */
export interface DecodeExports {
  memory: WebAssembly.Memory;
  /** Where the record starts that `rows` refused. */
  refusedAt: WebAssembly.Global<"i32">;
  /** Begins a block. `running` has room for 65536 u64 that are 0, and are again after `end`. */
  begin(baseMicros: bigint, running: number): void;
  end(): void;
  /**
   * Decodes `count` records that start at `at` and do not pass `end` into the rows from `row` on of
   * the columns at `columns`, which have room for `capacityRows`. Returns where the records end, or
   * 0 where one of them is refused. May read `overshootBytes` past `end`, of which nothing is used.
   */
  rows(
    ...[at, end, count, row, columns, capacityRows, values, valueCount]: [
      ...[number, number, number, number],
      ...[number, number, number, number],
    ]
  ): number;
}

/** Longest number that is read, whole or refused. */
const maxNumberBytes = 9;

/** How far past a record's beginning its reading may go where the bytes are not what they should be. */
export function overshootBytes(plans: readonly FieldPlan[]): number {
  return plans.reduce(
    (sum, { type, bytes }) => sum + (type === "fixed" ? bytes : maxNumberBytes),
    maxNumberBytes,
  );
}

/** Generates the decoder of records as `plans` say. */
export function decodeModule(plans: readonly FieldPlan[], memoryBytes: number): WebAssembly.Module {
  const module = new WasmModule();
  const state: State = {
    refusedAt: module.global("refusedAt", "i32"),
    running: module.global(undefined, "i32"),
    lastPlace: module.global(undefined, "i32"),
    before: new Map(
      plans
        .filter(({ mapping }) => mapping?.kind === "clock" && "sinceRowBefore" in mapping)
        .map(({ name }) => [name, module.global(undefined, "i64")]),
    ),
  };
  module.function("begin", { parameters: ["i64", "i32"] }, ({ parameters }) => {
    const [base, running] = parameters as [Variable, Variable];
    return [
      ...[...state.before.values()].flatMap((before) => before.set(base.get)),
      ...state.running.set(running.get),
      ...state.lastPlace.set(running.get),
    ];
  });
  module.function("end", { parameters: [] }, () => {
    const { running, lastPlace } = state;
    const used = i32.add(i32.sub(lastPlace.get, running.get), i32.const(8));
    return fillMemory(running.get, i32.const(0), used);
  });
  const readLong = module.function(undefined, { parameters: ["i32"], result: "i64" }, readNumber);
  module.function(
    "rows",
    { parameters: ["i32", "i32", "i32", "i32", "i32", "i32", "i32", "i32"], result: "i32" },
    (scope) => new RowReader(scope, plans, state, readLong).code(),
  );
  return new WebAssembly.Module(module.encode(memoryBytes));
}

interface State {
  refusedAt: Variable;
  running: Variable;
  lastPlace: Variable;
  before: Map<string, Variable>;
}

/**
 * A number of two bytes and more: its bytes counted in the highest eight bits, its zigzag form in
 * the others; all of those set where it does not end within eight bytes.
 */
function readNumber({ parameters, local }: FunctionScope): Code {
  const [at] = parameters as [Variable];
  const [bytes, stop, length] = [local("i64"), local("i64"), local("i64")];
  // Seven bits of each byte move together, in pairs, then pairs of pairs, then all.
  const fold = (low: bigint, by: bigint): Code =>
    bytes.set(
      i64.or(
        i64.and(bytes.get, i64.const(low)),
        i64.and(i64.shrU(bytes.get, i64.const(by)), i64.const(low << (8n * by - by))),
      ),
    );
  return [
    ...bytes.set(i64.load(at.get)),
    ...stop.set(i64.and(i64.xor(bytes.get, i64.const(-1n)), i64.const(0x8080808080808080n))),
    ...when(i64.eqz(stop.get), giveBack(i64.const((9n << 56n) | (2n ** 56n - 1n)))),
    ...length.set(i64.shrU(i64.ctz(stop.get), i64.const(3n))),
    ...bytes.set(
      i64.and(
        bytes.get,
        i64.and(
          i64.xor(stop.get, i64.sub(stop.get, i64.const(1n))),
          i64.const(0x7f7f7f7f7f7f7f7fn),
        ),
      ),
    ),
    ...fold(0x007f007f007f007fn, 1n),
    ...fold(0x00003fff00003fffn, 2n),
    ...fold(0x000000000fffffffn, 4n),
    ...i64.or(bytes.get, i64.shl(i64.add(length.get, i64.const(1n)), i64.const(56n))),
  ];
}

class RowReader {
  readonly #plans: readonly FieldPlan[];
  readonly #state: State;
  readonly #readLong: (...operands: Code[]) => Code;
  /** Where columns start at the first row of a call. */
  readonly #columns: { plan: ColumnPlan; at: Variable }[];
  /** How far the row is from it, by the bytes of a cell: a few to count up, not each column. */
  readonly #steps = new Map<number, Variable>();
  readonly #at: Variable;
  readonly #end: Variable;
  readonly #count: Variable;
  readonly #row: Variable;
  readonly #base: Variable;
  readonly #capacity: Variable;
  readonly #values: Variable;
  readonly #valueCount: Variable;
  /** What the fields say that mean something only with others. */
  readonly #differences: Map<string, Variable>;
  readonly #code: Variable;
  readonly #next: Variable;
  readonly #bad: Variable;
  readonly #place: Variable;
  readonly #from: Variable;

  constructor(
    scope: FunctionScope,
    plans: readonly FieldPlan[],
    state: State,
    readLong: (...operands: Code[]) => Code,
  ) {
    const { parameters, local } = scope;
    [this.#at, this.#end, this.#count, this.#row] = parameters as [
      ...[Variable, Variable, Variable, Variable],
    ];
    [this.#base, this.#capacity, this.#values, this.#valueCount] = parameters.slice(4) as [
      ...[Variable, Variable, Variable, Variable],
    ];
    this.#plans = plans;
    this.#state = state;
    this.#readLong = readLong;
    this.#columns = planColumns(plans).map((plan) => ({ plan, at: local("i32") }));
    for (const { plan } of this.#columns) {
      if (!this.#steps.has(plan.bytesPerRow)) this.#steps.set(plan.bytesPerRow, local("i32"));
    }
    const related = plans.filter(({ type }) => type === "clock" || type === "running");
    this.#differences = new Map(related.map(({ name }) => [name, local("i64")]));
    [this.#code, this.#next, this.#bad] = [local("i64"), local("i64"), local("i64")];
    [this.#place, this.#from] = [local("i32"), local("i32")];
  }

  code(): Code {
    const { refusedAt } = this.#state;
    return [
      ...this.#columns.flatMap(({ plan, at }) => this.#findColumn(plan, at)),
      ...whileTrue(this.#count.get, [
        ...refusedAt.set(this.#at.get),
        ...this.#plans.flatMap((plan) => this.#readField(plan)),
        ...this.#relate(),
        ...this.#refuseWhere(i64.extend(i32.gtU(this.#at.get, this.#end.get))),
        ...when(i32.eqz(i64.eqz(this.#bad.get)), giveBack(i32.const(0))),
        ...[...this.#steps].flatMap(([bytes, step]) =>
          step.set(i32.add(step.get, i32.const(bytes))),
        ),
        ...this.#count.set(i32.add(this.#count.get, i32.const(-1))),
      ]),
      ...this.#at.get,
    ];
  }

  #findColumn({ start, bytesPerRow }: ColumnPlan, at: Variable): Code {
    return at.set(
      i32.add(
        i32.add(this.#base.get, i32.mul(this.#capacity.get, i32.const(start))),
        i32.mul(this.#row.get, i32.const(bytesPerRow)),
      ),
    );
  }

  /** Where the field's column has this row. */
  #cell(field: string, holds: ColumnPlan["holds"]): Code {
    const column = this.#columns.find(
      ({ plan }) => plan.field === field && plan.holds === holds,
    ) as { plan: ColumnPlan; at: Variable };
    const step = this.#steps.get(column.plan.bytesPerRow) as Variable;
    return i32.add(column.at.get, step.get);
  }

  #refuseWhere(notZero: Code): Code {
    return this.#bad.set(i64.or(this.#bad.get, notZero));
  }

  #readField(plan: FieldPlan): Code {
    const { name, type, bytes, most } = plan;
    if (type === "fixed") return this.#copy(name, bytes);
    const code = this.#code.get;
    const value = i64.shrU(code, i64.const(1n));
    const head = this.#readCode();
    if (type === "clock" || type === "running") {
      const difference = this.#differences.get(name) as Variable;
      return [
        ...head,
        ...this.#refuseWhere(i64.shrU(code, i64.const(54n))),
        ...difference.set(this.#signed()),
      ];
    }
    if (type === "bits32") {
      return [
        ...head,
        ...this.#refuseWhere(i64.shrU(code, i64.const(32n))),
        ...i64.store32(this.#cell(name, "u32"), this.#signed()),
      ];
    }
    if (type === "listed") return [...head, ...this.#readListed(name)];
    if (type === "enum") {
      return [
        ...head,
        ...this.#refuseWhere(i64.and(code, i64.const(1n))),
        ...this.#refuseWhere(i64.extend(i64.gtU(value, i64.const(most)))),
        ...i64.store8(this.#cell(name, "u8"), value),
      ];
    }
    // All bits but those of the highest value, doubled: a sign, or more than fits.
    const bits = bytes === 8 ? 53n : BigInt(8 * bytes);
    const refused = this.#refuseWhere(i64.and(code, i64.const(~((2n ** bits - 1n) * 2n))));
    return [...head, ...refused, ...this.#storeNumber(name, bytes, value)];
  }

  #storeNumber(name: string, bytes: number, value: Code): Code {
    if (bytes === 1) return i64.store8(this.#cell(name, "u8"), value);
    if (bytes === 2) return i64.store16(this.#cell(name, "u16"), value);
    return [
      ...f64.store(this.#cell(name, "numbers"), f64.fromUnsigned(value)),
      ...i64.store(this.#cell(name, "words"), value),
    ];
  }

  /** The next number's zigzag form; most have up to three bytes. */
  #readCode(): Code {
    const [code, at, next] = [this.#code, this.#at, this.#next];
    const long: Code = [
      ...code.set(this.#readLong(at.get)),
      ...at.set(i32.add(at.get, i32.wrap(i64.shrU(code.get, i64.const(56n))))),
      ...code.set(i64.and(code.get, i64.const(2n ** 56n - 1n))),
    ];
    // The bit that said there is more is taken off again: bits of the bytes do not overlap then.
    const join = (bytes: number): Code => {
      const bits = BigInt(7 * (bytes - 1));
      return code.set(
        i64.xor(i64.xor(code.get, i64.const(1n << bits)), i64.shl(next.get, i64.const(bits))),
      );
    };
    const upTo = (bytes: number): Code => [
      ...next.set(i64.load8(at.get, bytes - 1)),
      ...join(bytes),
      ...when(
        i64.ltU(next.get, i64.const(128n)),
        at.set(i32.add(at.get, i32.const(bytes))),
        bytes < 3 ? upTo(bytes + 1) : long,
      ),
    ];
    return [
      ...code.set(i64.load8(at.get)),
      ...when(i64.ltU(code.get, i64.const(128n)), at.set(i32.add(at.get, i32.const(1))), upTo(2)),
    ];
  }

  #signed(): Code {
    const code = this.#code.get;
    const sign = i64.sub(i64.const(0n), i64.and(code, i64.const(1n)));
    return i64.xor(i64.shrU(code, i64.const(1n)), sign);
  }

  #readListed(name: string): Code {
    const from = this.#from;
    const index = i64.shrU(this.#code.get, i64.const(1n));
    const inRange = i64.ltU(index, i64.extend(this.#valueCount.get));
    return [
      ...this.#refuseWhere(i64.and(this.#code.get, i64.const(1n))),
      ...this.#refuseWhere(i64.extend(i32.eqz(inRange))),
      ...i64.store32(this.#cell(name, "indexes"), index),
      ...from.set(
        i32.add(
          this.#values.get,
          i32.shl(select(i32.wrap(index), i32.const(0), inRange), i32.const(4)),
        ),
      ),
      ...i64.store(this.#cell(name, "values"), i64.load(from.get)),
      ...i64.store(this.#cell(name, "values"), i64.load(from.get, 8), 8),
    ];
  }

  #copy(name: string, bytes: number): Code {
    const words = Array.from({ length: bytes / 8 }, (_, word) => word * 8);
    return [
      ...words.flatMap((word) =>
        i64.store(this.#cell(name, "bytes"), i64.load(this.#at.get, word), word),
      ),
      ...this.#at.set(i32.add(this.#at.get, i32.const(bytes))),
    ];
  }

  /** Turns differences into what they are the difference of, each after what it needs. */
  #relate(): Code {
    const done = new Set<string>();
    const related = (plan: FieldPlan): Code => {
      const { name, mapping } = plan;
      if (done.has(name)) return [];
      done.add(name);
      const value = this.#differences.get(name) as Variable;
      const store = [
        ...this.#refuseWhere(i64.shrU(value.get, i64.const(53n))),
        ...this.#storeNumber(name, 8, value.get),
      ];
      if (mapping?.kind === "running") return [...this.#addUp(value, mapping.per), ...store];
      if (mapping?.kind !== "clock") return [];
      if ("sinceRowBefore" in mapping) {
        const before = this.#state.before.get(name) as Variable;
        return [...value.set(i64.add(before.get, value.get)), ...before.set(value.get), ...store];
      }
      const later = this.#plans.find((one) => one.name === mapping.before) as FieldPlan;
      const laterValue = this.#differences.get(later.name) as Variable;
      return [...related(later), ...value.set(i64.sub(laterValue.get, value.get)), ...store];
    };
    return this.#plans.filter(({ name }) => this.#differences.has(name)).flatMap(related);
  }

  #addUp(value: Variable, per: string): Code {
    const { running, lastPlace } = this.#state;
    const place = this.#place;
    return [
      ...place.set(i32.add(running.get, i32.shl(i32.load16(this.#cell(per, "u16")), i32.const(3)))),
      ...lastPlace.set(select(place.get, lastPlace.get, i32.gtU(place.get, lastPlace.get))),
      ...value.set(i64.add(i64.load(place.get), value.get)),
      ...i64.store(place.get, value.get),
    ];
  }
}
