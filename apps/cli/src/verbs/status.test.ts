import type { Status } from "@weir/api";
import { statusText } from "./status.ts";

const collector = {
  ...{ node: "n1", attached: ["veth0 (shop/cart-0)"], hooks: { tcx: "ok" }, lost: {} },
  ...{ generation: 1, mode: "enforce" },
};
const status: Status = {
  ...{ ready: true, version: "0", waitingFor: [], collectors: [collector] },
  bus: { kind: "memory", lag: 0 },
  store: { kind: "embedded", rows: 0 },
  policy: { generation: 1, mode: "enforce", policies: 0, problems: [] },
};

describe("weir status", () => {
  it("says nothing of shares where all had enough", () => {
    expect(statusText(status, false)).not.toMatch(/beyond its share/i);
  });

  it("says who wanted more than its share, with an escaped name", () => {
    const loud = { untrackedConnections: 12, untrackedPackets: 345, lateEdges: 6789 };
    const text = statusText(
      {
        ...status,
        collectors: [{ ...collector, beyondShare: [{ who: "shop/lo\u001b[2Jud", ...loud }] }],
      },
      false,
    );
    expect(text).toMatch(/beyond its share/i);
    expect(text).toMatch(/shop\/lo.*ud.* 12 .* 345 .* 6789/);
    expect(text).not.toContain("\u001b");
  });
});
