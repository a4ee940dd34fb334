import { describeKernels } from "./table.ts";
import type { Visit } from "./table.ts";

const visits: Visit[] = [
  {
    date: "2026-01-02",
    lines: [
      { kernel: "5.10.0", object: "flow-before-5.12.bpf.o" },
      { hook: "tcx", missing: "too old" },
      { program: "sweep", instructions: 606, verifiedInstructions: 0 },
      { passed: 80, failed: 1, messages: [], failures: ["counts | all"] },
    ],
  },
  {
    date: "2026-01-03",
    lines: [
      { kernel: "6.1.0", object: "flow.bpf.o" },
      { hook: "tcx" },
      { program: "sweep", instructions: 481, verifiedInstructions: 1147 },
      { program: "socket_received", error: "ESRCH | no such hook" },
    ],
  },
  { date: "2026-01-03", lines: [] },
];

describe("the table of kernels", () => {
  const text = describeKernels(visits);

  it("has a column for each kernel, also for one that did not boot", () => {
    expect(text).toContain("|  | 5.10.0 | 6.1.0 | did not boot |");
    expect(text).toContain("| `sweep` | 606 | 481 / 1147 | not in this object |");
    expect(text).toContain("| visited | 2026-01-02 | 2026-01-03 | 2026-01-03 |");
    expect(text).toContain("| programs loaded | 1 of 1 | 1 of 2 | 0 of 0 |");
  });

  it("says what is missing and what failed, a cell each", () => {
    expect(text).toContain("`tcx`: too old | `socket_received`: ESRCH / no such hook | nothing |");
    expect(text).toContain("80 passed, 1 failed: counts / all | not run | not run |");
  });
});
