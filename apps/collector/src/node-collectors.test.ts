import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { jest } from "@jest/globals";
import { createMemoryBus } from "@weir/bus";
import { silentLog } from "@weir/runtime";
import { collectorConfig } from "./config.ts";
import { startNodeCollectors } from "./node-collectors.ts";

describe("collectors of a machine whose run directory cannot be followed", () => {
  it("are not started, and leave no timer that would try again", async () => {
    const folder = mkdtempSync(join(tmpdir(), "weir-collectors-"));
    const runDirectory = join(folder, "loop");
    symlinkSync("loop", runDirectory);
    const set = jest.spyOn(globalThis, "setInterval");
    const cleared = jest.spyOn(globalThis, "clearInterval");
    const bus = createMemoryBus();
    const config = collectorConfig.parse({ runDirectory, interfaces: "none" });
    const starting = startNodeCollectors(config, { bus, log: silentLog() });
    await expect(starting).rejects.toThrow(/ELOOP/);
    const timers = set.mock.results.map((one) => one.value as NodeJS.Timeout);
    expect(timers.length).toBeGreaterThan(0);
    for (const timer of timers) expect(cleared).toHaveBeenCalledWith(timer);
    jest.restoreAllMocks();
    await bus.close();
    rmSync(folder, { recursive: true });
  });
});
