import { existsSync } from "node:fs";
import { BpfError } from "./error.ts";
import type { MapType, ProgramType } from "./kinds.ts";
import { mapType, programType } from "./kinds.ts";
import { native } from "./native.ts";
import type { Netns } from "./netns.ts";
import { listInterfaces } from "./netns.ts";

/** Whether this kernel can, for this process; the reason is for people. */
export type Probe = { ok: true } | { ok: false; reason: string };

const vmlinux = "/sys/kernel/btf/vmlinux";

/** What this kernel and these privileges allow, tried out where it can be. Nothing stays behind. */
export const probe = {
  program(type: ProgramType): Probe {
    const number = programType.number(type);
    return answer(`programs of type ${type}`, () => native.probeProgram(number));
  },

  map(type: MapType): Probe {
    const number = mapType.number(type);
    return answer(`maps of type ${type}`, () => native.probeMap(number));
  },

  /** `helperId` is BPF_FUNC_*. */
  helper(type: ProgramType, helperId: number): Probe {
    const number = programType.number(type);
    return answer(`helper ${helperId} in programs of type ${type}`, () =>
      native.probeHelper(number, helperId),
    );
  },

  /** Linux 6.6. With `netns`, whether that can be entered as well. */
  tcx(options: Netns = {}): Probe {
    try {
      if (options.netns !== undefined) listInterfaces(options);
    } catch (error) {
      return {
        ok: false,
        reason: `network namespace ${options.netns} cannot be entered: ${String(error)}`,
      };
    }
    const result = native.probeTcx();
    if (result >= 0) return { ok: true };
    const { code, message } = new BpfError("attach to tcx", -result, { log: native.takeLog() });
    return {
      ok: false,
      reason: code === "EINVAL" ? "the kernel is older than TCX (Linux 6.6)" : message,
    };
  },

  /** Types of the running kernel, which CO-RE relocates against. */
  btf(): Probe {
    return existsSync(vmlinux)
      ? { ok: true }
      : { ok: false, reason: `${vmlinux} is missing: CONFIG_DEBUG_INFO_BTF is off` };
  },
};

/** libbpf: 1 there, 0 not, negative where it cannot tell. */
function answer(what: string, run: () => number): Probe {
  const result = run();
  if (result > 0) return { ok: true };
  if (result === 0)
    return { ok: false, reason: `this kernel has no ${what}, or this process may not use them` };
  return {
    ok: false,
    reason: new BpfError(`probe ${what}`, -result, { log: native.takeLog() }).message,
  };
}
