import { fillMemory, i32, i64, when, whileTrue } from "../wasm/code.ts";
import type { Code } from "../wasm/code.ts";
import type { FunctionScope, Variable, WasmModule } from "../wasm/module.ts";

const valueBytes = 16;

/**
 * Code that lists distinct values of 16 bytes and gives each its index, through a hash table with
 * open addressing. Addresses come from whoever sends packets: the seed keeps them from choosing ones
 * that collide.
 */
export class ValueList {
  readonly #table: Variable;
  readonly #slotMask: Variable;
  readonly #values: Variable;
  readonly #seed: Variable;
  readonly #listed: Variable;
  readonly #shift: Variable;
  readonly #searched: Variable;
  readonly #searchOn: (...operands: Code[]) => Code;

  /** Adds `beginList` to the module, `listed` and, for tests, `searched`: steps past a first slot. */
  constructor(module: WasmModule) {
    this.#table = module.global(undefined, "i32");
    this.#slotMask = module.global(undefined, "i32");
    this.#values = module.global(undefined, "i32");
    this.#seed = module.global(undefined, "i64");
    this.#shift = module.global(undefined, "i64");
    this.#listed = module.global("listed", "i32");
    this.#searched = module.global("searched", "i32");
    module.function("beginList", { parameters: ["i32", "i32", "i32", "i64"] }, ({ parameters }) => {
      const [table, slots, values, seed] = parameters as [Variable, Variable, Variable, Variable];
      return [
        ...this.#table.set(table.get),
        ...this.#slotMask.set(i32.sub(slots.get, i32.const(1))),
        ...this.#values.set(values.get),
        ...this.#seed.set(seed.get),
        ...this.#shift.set(i64.add(i64.clz(i64.extend(slots.get)), i64.const(1n))),
        ...this.#listed.set(i32.const(0)),
        ...this.#searched.set(i32.const(0)),
        ...fillMemory(table.get, i32.const(0), i32.shl(slots.get, i32.const(2))),
      ];
    });
    this.#searchOn = module.function(
      undefined,
      { parameters: ["i64", "i64", "i32"], result: "i32" },
      (scope) => this.#search(scope),
    );
  }

  /** Code that finds or adds the value at `offset` of `address`, and where it leaves its index. */
  lookUp(
    local: FunctionScope["local"],
  ): (address: Code, offset: number) => { find: Code; index: Code } {
    const [low, high, mixed] = [local("i64"), local("i64"), local("i64")];
    const [slot, entry] = [local("i32"), local("i32")];
    const seed = this.#seed.get;
    return (address, offset) => ({
      find: [
        ...low.set(i64.load(address, offset)),
        ...high.set(i64.load(address, offset + 8)),
        ...mixed.set(
          i64.xor(
            i64.mul(i64.xor(low.get, seed), i64.const(0x9e3779b97f4a7c15n)),
            i64.mul(i64.add(high.get, seed), i64.const(0xbf58476d1ce4e5b9n)),
          ),
        ),
        // Of a product only the highest bits depend on all that was multiplied.
        ...slot.set(i32.wrap(i64.shrU(mixed.get, this.#shift.get))),
        ...entry.set(i32.load(this.#place(slot))),
        // Nearly always the value is known and in its first slot.
        ...when(
          this.#isOther(entry, low, high),
          entry.set(this.#searchOn(low.get, high.get, slot.get)),
        ),
      ],
      index: i64.extend(i32.sub(entry.get, i32.const(1))),
    });
  }

  #search({ parameters, local }: FunctionScope): Code {
    const [low, high, slot] = parameters as [Variable, Variable, Variable];
    const entry = local("i32");
    const next = i32.and(i32.add(slot.get, i32.const(1)), this.#slotMask.get);
    return [
      ...whileTrue(
        [
          ...entry.set(i32.load(this.#place(slot))),
          ...i32.and(i32.gtU(entry.get, i32.const(0)), this.#isOther(entry, low, high)),
        ],
        [...slot.set(next), ...this.#searched.set(i32.add(this.#searched.get, i32.const(1)))],
      ),
      ...when(i32.eqz(entry.get), [
        ...this.#listed.set(i32.add(this.#listed.get, i32.const(1))),
        ...entry.set(this.#listed.get),
        ...i64.store(this.#valueOf(entry), low.get),
        ...i64.store(this.#valueOf(entry), high.get, 8),
        ...i32.store(this.#place(slot), entry.get),
      ]),
      ...entry.get,
    ];
  }

  #place(slot: Variable): Code {
    return i32.add(this.#table.get, i32.shl(slot.get, i32.const(2)));
  }

  /** Entries count from 1: 0 is an empty slot, for which what lies before the values is read. */
  #valueOf(entry: Variable): Code {
    const before = i32.sub(this.#values.get, i32.const(valueBytes));
    return i32.add(before, i32.shl(entry.get, i32.const(4)));
  }

  /** Whether the entry is none, or not of this value. */
  #isOther(entry: Variable, low: Variable, high: Variable): Code {
    const other = i64.or(
      i64.xor(i64.load(this.#valueOf(entry)), low.get),
      i64.xor(i64.load(this.#valueOf(entry), 8), high.get),
    );
    return i32.or(i32.eqz(entry.get), i32.eqz(i64.eqz(other)));
  }
}
