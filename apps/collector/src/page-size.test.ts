import { execFileSync } from "node:child_process";
import { pageSize } from "./page-size.ts";

describe("the size of a page", () => {
  it("is what the machine says", () => {
    expect(pageSize()).toBe(Number(execFileSync("getconf", ["PAGESIZE"], { encoding: "utf8" })));
  });

  it("is found among other entries, and is not guessed", () => {
    const entries = new BigUint64Array([33n, 1n, 6n, 65_536n, 0n, 0n]);
    expect(pageSize(new Uint8Array(entries.buffer))).toBe(65_536);
    expect(() => pageSize(new Uint8Array(16))).toThrow("does not name");
  });
});
