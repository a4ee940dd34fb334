import { flowLayout, flowRecordBytes } from "@weir/codec";
import { createRuleTexts } from "./rule-texts.ts";

function records(...rules: [generation: number, rule: number][]): Uint8Array {
  const bytes = new Uint8Array(rules.length * flowRecordBytes);
  const view = new DataView(bytes.buffer);
  rules.forEach(([generation, rule], index) => {
    view.setUint32(index * flowRecordBytes + flowLayout.generation.offset, generation, true);
    view.setUint32(index * flowRecordBytes + flowLayout.rule.offset, rule, true);
  });
  return bytes;
}

describe("texts of rules", () => {
  it("go with a block once each, for the rules that occur in it", () => {
    const texts = createRuleTexts(4);
    texts.remember(1, [
      { rule: 7, text: "seven" },
      { rule: 8, text: "eight" },
    ]);
    texts.remember(2, [{ rule: 7, text: "another seven" }]);
    expect(texts.of(records([1, 7], [1, 0], [2, 7], [1, 7]), 4)).toEqual([
      { generation: 1, rule: 7, text: "seven" },
      { generation: 2, rule: 7, text: "another seven" },
    ]);
  });

  it("of a generation grow with its revisions", () => {
    const texts = createRuleTexts(4);
    texts.remember(1, [{ rule: 7, text: "seven" }]);
    texts.remember(1, [{ rule: 8, text: "eight" }]);
    expect(texts.of(records([1, 7], [1, 8]), 2)).toHaveLength(2);
  });

  it("are forgotten with the oldest generation", () => {
    const texts = createRuleTexts(2);
    for (const generation of [1, 2, 1, 3]) texts.remember(generation, [{ rule: 7, text: "x" }]);
    const left = texts.of(records([1, 7], [2, 7], [3, 7]), 3).map((one) => one.generation);
    expect(left).toEqual([1, 3]);
  });
});
