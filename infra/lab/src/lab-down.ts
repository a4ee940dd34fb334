import { existsSync } from "node:fs";
import { join } from "node:path";
import { checkNothingInTheWay, clearLab } from "./clear-lab.ts";
import { withLabLock } from "./lab-lock.ts";
import { checkLabName } from "./lab-name.ts";
import { checkRequirements } from "./requirements.ts";
import { defaultRunDirectory, readLab } from "./run-directory.ts";

/**
 * Takes a lab down, running or half made, and leaves nothing of it. False: there was none. Throws a
 * LabError where something of that name is there that this run directory's labs did not make.
 */
export async function labDown(options: { name: string; runDirectory?: string }): Promise<boolean> {
  const { name, runDirectory = defaultRunDirectory() } = options;
  checkLabName(name);
  checkRequirements();
  if (!existsSync(join(runDirectory, "labs"))) {
    checkNothingInTheWay(runDirectory, name);
    return false;
  }
  return withLabLock(runDirectory, async () => {
    const lab = readLab(runDirectory, name);
    if (lab !== undefined) await clearLab(runDirectory, lab);
    else checkNothingInTheWay(runDirectory, name);
    return lab !== undefined;
  });
}
