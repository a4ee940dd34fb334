import { describe, expect, it } from "@jest/globals";
import type { ReplayAnswer } from "@weir/api";
import { replayText } from "./policy-replay.ts";

const answer: ReplayAnswer = {
  connections: 10,
  unchanged: 5,
  newlyDenied: [
    {
      from: "shop/cart",
      to: "192.0.2.1 (evil\u001B[2J.example)",
      port: 22,
      protocol: "TCP",
      connections: 4,
      first: "2026-01-01T10:00:00.000Z",
      last: "2026-01-01T10:05:00.000Z",
    },
  ],
  newlyAllowed: [],
  inForce: { rows: 3, disagreements: 0 },
  unjudged: 1,
  complete: false,
  completeness: {
    ...{ verdict: "complete", from: "2026-01-01T10:00:00Z", to: "2026-01-01T11:00:00Z" },
    ...{ lost: {}, unexplained: 0, nodes: [] },
  },
};

describe("a replay in words", () => {
  it("counts, and names what changes", () => {
    const [head, check, , heading, line] = replayText(answer).split("\n");
    expect(head).toBe(
      "10 connections: 5 as they were, 4 newly denied, 0 newly allowed, 1 not judged",
    );
    expect(check).toContain("0 of 3 edges");
    expect(heading).toMatch(/^NEWLY +FROM +TO +PORT +CONNECTIONS/);
    expect(line).toMatch(
      /^denied +shop\/cart +192\.0\.2\.1 \(evil\\x1b\[2J\.example\) +22\/TCP +4 /,
    );
  });

  it("prints no table where nothing changes", () => {
    expect(replayText({ ...answer, newlyDenied: [] }).split("\n")).toHaveLength(3);
  });
});
