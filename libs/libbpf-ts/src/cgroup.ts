import { closeSync, constants, openSync } from "node:fs";
import { checked, refusal } from "./error.ts";
import type { AttachType } from "./kinds.ts";
import { attachType } from "./kinds.ts";
import { Link } from "./link.ts";
import type { Handle } from "./native.ts";
import { native } from "./native.ts";
import { handleOf } from "./owned.ts";
import type { BpfProgram } from "./program.ts";

export interface CgroupOptions {
  /** Directory of a cgroup v2. */
  cgroupPath: string;
  /** Default: what the program's section names; required where it comes from a pin. */
  attachType?: AttachType;
}

/** SEC("cgroup/..."), sock_ops and the like, for all processes of a cgroup and those below it. */
export function attachCgroup(program: BpfProgram, options: CgroupOptions): Link {
  const operation = `attach ${program.name} to cgroup ${options.cgroupPath}`;
  const hook = options.attachType ?? program.attachType;
  if (hook === undefined)
    throw refusal(operation, "EINVAL", "a pinned program does not tell its attachType: pass it");
  const fd = openSync(options.cgroupPath, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    const result = native.linkCreate(program[handleOf], "", fd, attachType.number(hook), 0);
    return new Link(checked<Handle>(operation, result));
  } finally {
    closeSync(fd);
  }
}
