import { limitedMode, modes } from "./policy-mode.ts";

describe("a mode under a limit", () => {
  it("is never more than the policy asks for, nor more than the limit", () => {
    const told = modes.map((mode) => modes.map((limit) => limitedMode(mode, limit)));
    expect(told).toEqual([
      ["observe", "observe", "observe"],
      ["observe", "shadow", "shadow"],
      ["observe", "shadow", "enforce"],
    ]);
  });
});
