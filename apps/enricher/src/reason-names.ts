import type { FlowColumns } from "@weir/codec";
import type { ReasonTexts } from "@weir/identity";
import type { FlowRows } from "@weir/store";

/** Places to remember what was asked last; the rules of a node are fewer. */
const places = 256;

/** Numbers of the reasons of flows, for the store. A text is looked up once for most of its rows. */
export class ReasonNames {
  readonly #rows: FlowRows;
  readonly #reason = new Int16Array(places);
  readonly #rule = new Uint32Array(places);
  readonly #generation = new Uint32Array(places);
  readonly #number = new Uint32Array(places);
  #ofRow = new Uint32Array(256);

  constructor(rows: FlowRows) {
    this.#rows = rows;
  }

  /** A number for each of the rows from `begin` to `end`, at its row. Valid until the next call. */
  name(columns: FlowColumns, texts: ReasonTexts, begin: number, end: number): Uint32Array {
    if (this.#ofRow.length < columns.count) this.#ofRow = new Uint32Array(2 * columns.count);
    // Texts are those of this block, numbers those of this insert.
    this.#reason.fill(-1);
    const [reasons, rules, generations] = [this.#reason, this.#rule, this.#generation];
    const [numbers, ofRow] = [this.#number, this.#ofRow];
    for (let row = begin; row < end; row++) {
      const reason = columns.reason[row] as number;
      const rule = columns.rule[row] as number;
      const generation = columns.generation[row] as number;
      const place = (rule ^ (reason << 4) ^ generation) & (places - 1);
      const known =
        reasons[place] === reason && rules[place] === rule && generations[place] === generation;
      if (!known) {
        reasons[place] = reason;
        rules[place] = rule;
        generations[place] = generation;
        numbers[place] = this.#rows.reason(texts.text(reason, generation, rule));
      }
      ofRow[row] = numbers[place] as number;
    }
    return ofRow;
  }
}
