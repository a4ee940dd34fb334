import { execFileSync } from "node:child_process";
import {
  closeSync,
  mkdtempSync,
  openSync,
  rmSync,
  statfsSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { createMemoryBus, topics } from "@weir/bus";
import { createHealth, loadConfig, silentLog } from "@weir/runtime";
import { openEmbeddedStore } from "@weir/store";
import { enricherConfig } from "./config.ts";
import { startEnricher } from "./enricher.ts";
import { block, flow } from "./testing/messages.ts";

// A real file system that is full: it needs root, and is only this test's.
const isRoot = process.getuid?.() === 0;
if (!isRoot) process.stderr.write("skipped, mounting needs root: a store on a full disk\n");
const asRoot = isRoot ? describe : describe.skip;

const mebibyte = 1 << 20;
let disk: string;
beforeEach(() => {
  disk = mkdtempSync(join(tmpdir(), "weir-full-"));
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=192m", "weir-store-test", disk]);
});
afterEach(() => {
  execFileSync("umount", [disk]);
  rmSync(disk, { recursive: true });
});

/** Writes until so much is left; 0: until the disk refuses. */
function fillUp(leftBytes: number): { free(): void } {
  const path = join(disk, "ballast");
  const file = openSync(path, "w");
  const piece = Buffer.alloc(16_384, 1);
  const left = (): number => {
    const { bavail, bsize } = statfsSync(disk);
    return bavail * bsize;
  };
  try {
    while (left() > leftBytes) writeSync(file, piece);
  } catch (error) {
    expect((error as NodeJS.ErrnoException).code).toBe("ENOSPC");
  }
  closeSync(file);
  return { free: () => unlinkSync(path) };
}

asRoot("the disk of the store is full", () => {
  it.each([
    ["to the margin that merges need", 32 * mebibyte],
    ["to the last byte", 0],
  ])(
    "%s: it says so, nothing is lost, and it goes on by itself",
    async (_, minFreeBytes) => {
      await using bus = createMemoryBus();
      await using store = await openEmbeddedStore({
        directory: join(disk, "data"),
        engine: { minFreeBytes },
      });
      const health = createHealth();
      const config = loadConfig(enricherConfig, {
        overrides: {
          batch: { maxWaitMs: 20, maxMessages: 3 },
          identity: { headStartMs: 0, windowMs: 0 },
          retry: { maxAttempts: 2, firstDelayMs: 50, maxDelayMs: 200 },
        },
      });
      await using enricher = await startEnricher(config, { bus, store, log: silentLog(), health });
      const send = (from: number, to: number): Promise<void> =>
        bus.send(
          topics.flows.name,
          Array.from({ length: to - from }, (__, at) =>
            block(from + at, [flow("10.0.0.1", "10.0.0.2"), flow("10.0.0.2", "10.0.0.3")]),
          ),
        );
      await send(1, 11);
      expect(await enricher.drain(20_000)).toBe(true);

      const ballast = fillUp(minFreeBytes);
      await send(11, 31);
      const said = async (): Promise<string> => JSON.stringify(await health.report());
      while (!(await said()).includes("no room on the disk")) await sleep(50);
      expect(await said()).toMatch(/stands still.*free some, or keep less/);
      expect(await enricher.lag()).toBeGreaterThan(0n);

      ballast.free();
      expect(await enricher.drain(20_000)).toBe(true);
      expect(JSON.stringify(await health.report())).not.toContain("stands still");
      const counts = "SELECT count() AS flows, uniq(block) AS blocks, sum(packets) AS packets";
      expect(await store.query(`${counts} FROM flows`)).toEqual([
        { flows: 60, blocks: 30, packets: 300 },
      ]);
      for (const rollup of ["edges_1m", "edges_1h", "edges_1d"])
        expect(await store.query(`SELECT sum(packets) AS packets FROM ${rollup}`)).toEqual([
          { packets: 300 },
        ]);
    },
    60_000,
  );
});
