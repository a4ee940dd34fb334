import { describe, expect, it } from "@jest/globals";
import { markFormulas } from "./csv.ts";
import { isNumber, jsonText, parseExactly } from "./exact.ts";
import { cellText, tableText } from "./table.ts";

describe("numbers that are larger than a number holds", () => {
  const text =
    '[18446744073709551615,9007199254740993,5,1.5,1e300,"18446744073709551615",[-9223372036854775808]]';

  it("are read and written digit by digit", () => {
    const cells = parseExactly(text) as unknown[];
    expect(cells.map(isNumber)).toEqual([true, true, true, true, true, false, false]);
    expect(cells[0]).toBe(18446744073709551615n);
    expect(cells.map(cellText)).toEqual([
      ...["18446744073709551615", "9007199254740993", "5", "1.5", "1e+300"],
      ...["18446744073709551615", "[-9223372036854775808]"],
    ]);
    expect(jsonText(parseExactly('{"a":[18446744073709551615,"\\u00000"]}'))).toBe(
      String.raw`{"a":[18446744073709551615,"\u00000"]}`,
    );
  });

  it("stand to the right in a table", () => {
    expect(tableText(["n"], [[5], [18446744073709551615n]])).toBe(
      "                   N\n                   5\n18446744073709551615\n",
    );
  });
});

describe("CSV of the engine", () => {
  it.each([
    ['"=cmd()",1,"x"', `"'=cmd()",1,"x"`],
    ['1,"+1","@a","-a","-1.5"', `1,"'+1","'@a","'-a","-1.5"`],
    // Within a field: quotes are doubled there.
    ['"a"",""=b","c,=d"', '"a"",""=b","c,=d"'],
    ["", ""],
  ])("%s marks what a spreadsheet would run", (line, expected) => {
    expect(markFormulas(line)).toBe(expected);
  });
});
