import { GrowingBytes } from "./bytes.ts";
import type { ColumnBuilder, ColumnType } from "./column.ts";
import { columnBuilder } from "./type.ts";

/**
 * One block of ClickHouse's Native format, built column by column: the same bytes go to the
 * embedded engine and to a server. Buffers are allocated for `capacityRows` at once, grow where
 * that was too little, and are kept by `clear`, so that one block serves a whole run.
 */
export class NativeBlock {
  readonly columns: readonly ColumnType[];
  readonly #builders = new Map<string, ColumnBuilder>();
  readonly #out = new GrowingBytes(4096);

  constructor(columns: readonly ColumnType[], capacityRows: number) {
    this.columns = columns;
    for (const { name, type } of columns)
      this.#builders.set(name, columnBuilder(type, capacityRows));
  }

  /** Rows of the first column; `encode` checks that the others have as many. */
  get rows(): number {
    return this.#first().rows;
  }

  /** The builder of a column, of the class that the type asks for. Throws for an unknown name. */
  column<Builder extends ColumnBuilder>(
    name: string,
    kind: new (...args: never[]) => Builder,
  ): Builder {
    const builder = this.#builders.get(name);
    if (!(builder instanceof kind))
      throw new TypeError(
        `the block has no column ${name} that is a ${kind.name}: it is ${builder?.constructor.name ?? "not there"}`,
      );
    return builder;
  }

  /** The builders of that class, whatever their columns are called. */
  columnsOf<Builder extends ColumnBuilder>(kind: new (...args: never[]) => Builder): Builder[] {
    return [...this.#builders.values()].filter((one): one is Builder => one instanceof kind);
  }

  /** Appends one row; a column that `row` does not name gets no value and `encode` will say so. */
  appendRow(row: Readonly<Record<string, unknown>>): void {
    for (const [name, builder] of this.#builders) {
      try {
        builder.append(row[name]);
      } catch (cause) {
        const text = cause instanceof Error ? cause.message : String(cause);
        throw new TypeError(`column ${name}: ${text}`, { cause });
      }
    }
  }

  clear(): void {
    for (const builder of this.#builders.values()) builder.clear();
  }

  /** The block as bytes, valid until the next `encode`. Throws RangeError when columns differ in length. */
  encode(): Uint8Array {
    const rows = this.rows;
    const out = this.#out;
    out.clear();
    out.appendVarint(this.columns.length);
    out.appendVarint(rows);
    for (const { name, type } of this.columns) {
      const builder = this.#builders.get(name);
      if (builder === undefined || builder.rows !== rows)
        throw new RangeError(
          `column ${name} has ${builder?.rows ?? 0} rows where the first column has ${rows}`,
        );
      out.appendString(name);
      out.appendString(type);
      if (rows === 0) continue;
      builder.writePrefix(out);
      builder.writeData(out);
    }
    return out.view();
  }

  #first(): ColumnBuilder {
    for (const builder of this.#builders.values()) return builder;
    throw new RangeError("a block needs at least one column");
  }
}
