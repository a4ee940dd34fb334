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

const rule = (number: number, text: string) => ({ rule: number, text });

describe("texts of rules", () => {
  it("go with a block once each, for the rules that occur in it", () => {
    const texts = createRuleTexts(4);
    texts.replace(1, [rule(7, "seven"), rule(8, "eight")]);
    texts.replace(2, [rule(7, "another seven")]);
    expect(texts.of(records([1, 7], [1, 0], [2, 7], [1, 7]), 4)).toEqual([
      { generation: 1, rule: 7, text: "seven" },
      { generation: 2, rule: 7, text: "another seven" },
    ]);
  });

  it("change with the revisions of a generation; those that went are told of flows under way", () => {
    const texts = createRuleTexts(4);
    texts.replace(1, [rule(7, "seven")]);
    texts.edit(1, { set: [rule(8, "eight")], deleted: [7] });
    texts.edit(2, { set: [], deleted: [] });
    expect(texts.of(records([1, 7], [1, 8], [2, 8]), 3).map((one) => one.text)).toEqual([
      ...["seven", "eight", "eight"],
    ]);
  });

  it("are forgotten with the oldest generation, those that went for good", () => {
    const texts = createRuleTexts(2);
    texts.replace(1, [rule(7, "a"), rule(8, "gone")]);
    texts.edit(2, { set: [rule(7, "b")], deleted: [8] });
    texts.edit(3, { set: [rule(7, "c")], deleted: [] });
    const told = (...asked: [number, number][]): string[] =>
      texts.of(records(...asked), asked.length).map((one) => one.text);
    expect(told([1, 7], [2, 7], [3, 7], [2, 8])).toEqual(["b", "c", "gone"]);
    texts.edit(4, { set: [], deleted: [] });
    expect(told([2, 7], [3, 7], [4, 7], [2, 8], [4, 8])).toEqual(["c", "c"]);
    texts.edit(5, { set: [rule(8, "back")], deleted: [] });
    expect(told([4, 7], [5, 7], [4, 8], [5, 8])).toEqual(["c", "c", "back"]);
  });
});
