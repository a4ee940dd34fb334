import type { Mode } from "@weir/codec";

/** In the order of enum weir_mode: each does more than the one before. */
export const modes: Mode[] = ["observe", "shadow", "enforce"];

/** What a policy in this mode does where no more than `limit` is allowed, as bpf/policy.h has it. */
export function limitedMode(mode: Mode, limit: Mode): Mode {
  return modes[Math.min(modes.indexOf(mode), modes.indexOf(limit))] ?? "observe";
}
