import type { FieldPlan } from "./plan.ts";

/** A column that the decoder fills; one field may have two. */
export interface ColumnPlan {
  field: string;
  /** `numbers`: doubles. `words`: the same as u64. `values`: what a listed field's index stands for. */
  holds: "numbers" | "words" | "u32" | "u16" | "u8" | "bytes" | "indexes" | "values";
  bytesPerRow: number;
  /** Where the column starts, in bytes for each row that there is room for. */
  start: number;
}

export function planColumns(plans: readonly FieldPlan[]): ColumnPlan[] {
  let start = 0;
  return plans
    .flatMap((plan) => columnsOf(plan).map((column) => ({ field: plan.name, ...column })))
    .map((column) => {
      const placed = { ...column, start };
      start += column.bytesPerRow;
      return placed;
    });
}

function columnsOf({ type, bytes }: FieldPlan): Pick<ColumnPlan, "holds" | "bytesPerRow">[] {
  if (type === "fixed") return [{ holds: "bytes", bytesPerRow: bytes }];
  if (type === "listed") {
    return [
      { holds: "indexes", bytesPerRow: 4 },
      { holds: "values", bytesPerRow: bytes },
    ];
  }
  if (bytes === 4) return [{ holds: "u32", bytesPerRow: 4 }];
  if (bytes === 2) return [{ holds: "u16", bytesPerRow: 2 }];
  if (bytes === 1) return [{ holds: "u8", bytesPerRow: 1 }];
  return [
    { holds: "numbers", bytesPerRow: 8 },
    { holds: "words", bytesPerRow: 8 },
  ];
}

/** Rows that there is room for come in multiples of this: every column then starts aligned. */
export const rowsAligned = 8;

/** Typed arrays over the columns of `capacityRows` rows at `base` of the decoder's memory. */
export function viewColumns(
  columns: readonly ColumnPlan[],
  memory: WebAssembly.Memory,
  base: number,
  capacityRows: number,
): Map<ColumnPlan, ColumnView> {
  const { buffer } = memory;
  return new Map(
    columns.map((column) => {
      const at = base + column.start * capacityRows;
      const items = (capacityRows * column.bytesPerRow) / elementBytes[column.holds];
      return [column, new arrays[column.holds](buffer, at, items)];
    }),
  );
}

export type ColumnView = Float64Array | BigUint64Array | Uint32Array | Uint16Array | Uint8Array;

const arrays = {
  numbers: Float64Array,
  words: BigUint64Array,
  u32: Uint32Array,
  indexes: Uint32Array,
  u16: Uint16Array,
  u8: Uint8Array,
  bytes: Uint8Array,
  values: Uint8Array,
};

const elementBytes = {
  numbers: 8,
  words: 8,
  u32: 4,
  indexes: 4,
  u16: 2,
  u8: 1,
  bytes: 1,
  values: 1,
};
