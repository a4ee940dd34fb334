import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { announceCollectors, CollectorSign, withdrawCollectors } from "@weir/identity";
import { awaitCollector } from "./await-collector.ts";

describe("waiting for a node's collector", () => {
  let run: string;
  beforeEach(() => {
    run = mkdtempSync(join(tmpdir(), "await-"));
  });
  afterEach(() => rmSync(run, { recursive: true, force: true }));

  it("is over at once where none runs", async () => {
    await awaitCollector(run, "n", ["one"], 0);
    expect(existsSync(join(run, "collectors"))).toBe(false);
  });

  it("lasts until every new pod is watched", async () => {
    const sign = new CollectorSign(run, "n");
    sign.attached(["one"]);
    let isOver = false;
    const waiting = awaitCollector(run, "n", ["one", "two"]).then(() => (isOver = true));
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(isOver).toBe(false);
    sign.attached(["one", "two"]);
    expect(await waiting).toBe(true);
  });

  it("lasts while a collector of the node is still to begin, and ends when it will not", async () => {
    announceCollectors(run, []);
    await expect(awaitCollector(run, "n", ["one"], 20)).rejects.toThrow(/does not attach to 1 new/);
    const waiting = awaitCollector(run, "n", ["one"]);
    withdrawCollectors(run);
    await waiting;
  });
});
