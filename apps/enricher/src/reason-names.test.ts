import type { FlowColumns } from "@weir/codec";
import { flowSymbols } from "@weir/codec";
import { ReasonTexts } from "@weir/identity";
import { FlowRows } from "@weir/store";
import { ReasonNames } from "./reason-names.ts";

describe("names of the reasons of flows", () => {
  it("are those that each row's own reason, rule and generation give, whatever shares a place", () => {
    const rules = Array.from({ length: 600 }, (_, rule) => ({
      generation: 3 + (rule % 2),
      rule,
      text: `rule ${rule}`,
    }));
    const texts = new ReasonTexts(rules);
    const count = 5000;
    const columns = {
      count,
      reason: Uint8Array.from({ length: count }, (_, row) => row % flowSymbols.reason.length),
      rule: Uint32Array.from({ length: count }, (_, row) => (row * 7) % 601),
      generation: Uint32Array.from({ length: count }, (_, row) => 3 + (row % 2)),
    } as FlowColumns;
    const rows = new FlowRows(1);
    const numbers = new ReasonNames(rows).name(columns, texts, 10, count);
    for (let row = 10; row < count; row++) {
      const [reason, rule] = [columns.reason[row] as number, columns.rule[row] as number];
      const text = texts.text(reason, columns.generation[row] as number, rule);
      expect(numbers[row]).toBe(rows.reason(text));
    }
  });
});
