import { checked } from "./error.ts";
import { attachType } from "./kinds.ts";
import { Link } from "./link.ts";
import type { Handle } from "./native.ts";
import { native } from "./native.ts";
import type { Netns } from "./netns.ts";
import { netnsPath } from "./netns.ts";
import { handleOf } from "./owned.ts";
import type { BpfProgram } from "./program.ts";

export interface XdpOptions extends Netns {
  ifindex: number;
  /** Default: the driver's, or generic where the driver has none. */
  mode?: "driver" | "generic";
}

const modes = { driver: 1 << 2, generic: 1 << 1 };

/** SEC("xdp") at an interface; one program each. Throws BpfError EBUSY where there is one. */
export function attachXdp(program: BpfProgram, options: XdpOptions): Link {
  const flags = options.mode ? modes[options.mode] : 0;
  const hook = attachType.number("xdp");
  const result = native.linkCreate(
    program[handleOf],
    netnsPath(options),
    options.ifindex,
    hook,
    flags,
  );
  return new Link(
    checked<Handle>(`attach ${program.name} to xdp of interface ${options.ifindex}`, result),
  );
}
