import { isAsExpected } from "./expectation.ts";
import { describeLine, parseLine } from "./report.ts";
import type { InsideLine } from "./report.ts";

describe("what a machine says", () => {
  it("is found between the kernel's own messages", () => {
    expect(parseLine("[    1.2] reboot: Power down")).toBeUndefined();
    expect(parseLine('[    1.2] weir-line {"hook":"tcx","missing":"too old"}')).toEqual({
      hook: "tcx",
      missing: "too old",
    });
    expect(parseLine('weir-line {"hook":"tc')).toBeUndefined();
  });

  it("names what is missing, and leaves out what an old kernel does not tell", () => {
    expect(describeLine({ hook: "tcx", missing: "too old" })).toMatch(/tcx +missing: too old/);
    expect(
      describeLine({ program: "sweep", instructions: 300, verifiedInstructions: 0 }),
    ).not.toContain("verified");
  });
});

describe("what is expected of a kernel", () => {
  const loaded = { program: "sweep", instructions: 1, verifiedInstructions: 1 };
  const tested = (passed: number, failures: string[] = []): InsideLine => ({
    ...{ passed, failed: failures.length, messages: [], failures },
  });
  const refused = { program: "sweep", error: "EINVAL" };

  it("is that everything loads and passes", () => {
    expect(isAsExpected("6.1", [loaded, tested(3)])).toBe(true);
    expect(isAsExpected("6.1", [loaded, tested(3, ["one"])])).toBe(false);
    expect(isAsExpected("6.1", [loaded, tested(0)])).toBe(false);
    expect(isAsExpected("6.1", [loaded, refused])).toBe(false);
    expect(isAsExpected("6.1", [])).toBe(false);
  });

  it("is that nothing fails but what cannot be tried there, and that this fails", () => {
    const impossible = [
      "takes nobody else for the node, whatever address is written",
      "lets nobody into a connection of the node, nor cuts it for them",
    ];
    expect(isAsExpected("5.10", [loaded, tested(79, impossible)])).toBe(true);
    expect(isAsExpected("5.10", [loaded, tested(79, [...impossible, "another"])])).toBe(false);
    expect(isAsExpected("5.10", [loaded, tested(81)])).toBe(false);
    expect(isAsExpected("6.1", [loaded, tested(79, impossible)])).toBe(false);
  });
});
