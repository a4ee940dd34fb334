import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { run } from "./command.ts";
import { heldLock, withLabLock } from "./lab-lock.ts";

const runDirectory = join(tmpdir(), `lab-lock-${process.pid}`);
const module = (name: string) => JSON.stringify(fileURLToPath(new URL(name, import.meta.url)));

describe("withLabLock", () => {
  it("lets one at a time in, and leaves no file", async () => {
    let inside = 0;
    let most = 0;
    const work = async () => {
      inside += 1;
      most = Math.max(most, inside);
      expect(heldLock()).toBeGreaterThan(2);
      await run("sleep", ["0.02"]);
      inside -= 1;
    };
    await Promise.all(Array.from({ length: 5 }, () => withLabLock(runDirectory, work)));
    expect(most).toBe(1);
    expect(heldLock()).toBeUndefined();
    expect(existsSync(runDirectory)).toBe(false);
  });

  it("passes an error on and is free again", async () => {
    await expect(withLabLock(runDirectory, () => Promise.reject(new Error("no")))).rejects.toThrow(
      "no",
    );
    expect(await withLabLock(runDirectory, async () => 1)).toBe(1);
  });

  it("waits for the commands of a holder that was killed", async () => {
    const script = `import { withLabLock } from ${module("lab-lock.ts")}; import { run } from ${module("command.ts")};
      await withLabLock(${JSON.stringify(runDirectory)}, () => { const ended = run("sh", ["-c", "sleep 1; echo done > ${runDirectory}/mark"]); console.log("in"); return ended; });`;
    const holder = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(holder.stdout, "data");
    holder.kill("SIGKILL");
    await once(holder, "close");
    expect(existsSync(join(runDirectory, "mark"))).toBe(false);
    await withLabLock(runDirectory, async () =>
      expect(existsSync(join(runDirectory, "mark"))).toBe(true),
    );
    await run("rm", ["-r", runDirectory]);
  });
});
