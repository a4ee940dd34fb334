import { checked } from "./error.ts";
import { attachType } from "./kinds.ts";
import { Link } from "./link.ts";
import type { Handle } from "./native.ts";
import { native } from "./native.ts";
import type { Netns } from "./netns.ts";
import { netnsPath } from "./netns.ts";
import { handleOf } from "./owned.ts";
import type { BpfProgram } from "./program.ts";

export type Direction = "ingress" | "egress";

/** Among the other programs of the hook. */
export type Anchor =
  | "first"
  | "last"
  | { before: Link | BpfProgram }
  | { after: Link | BpfProgram };

export interface TcxOptions extends Netns {
  ifindex: number;
  /** As the interface sees it: a packet that comes in from the wire is ingress. */
  direction: Direction;
  /** Default `last`. */
  anchor?: Anchor;
}

const before = 1 << 3;
const after = 1 << 4;
const relativeIsLink = 1 << 13;

/**
 * SEC("tc") or SEC("tcx/...") at an interface; Linux 6.6. Programs run in order until one returns
 * another verdict than TCX_NEXT (-1); a TC_ACT_UNSPEC is the same.
 */
export function attachTcx(program: BpfProgram, options: TcxOptions): Link {
  const { flags, relative } = place(options.anchor ?? "last");
  const hook = attachType.number(options.direction === "ingress" ? "tcx_ingress" : "tcx_egress");
  const result = native.linkTcx(
    program[handleOf],
    netnsPath(options),
    options.ifindex,
    hook,
    flags,
    relative,
  );
  const hint =
    typeof result === "number" && result === -22
      ? "TCX needs Linux 6.6: see probe.tcx()"
      : undefined;
  return new Link(
    checked<Handle>(`attach ${program.name} to tcx of interface ${options.ifindex}`, result, hint),
  );
}

function place(anchor: Anchor): { flags: number; relative: Handle | undefined } {
  if (anchor === "first") return { flags: before, relative: undefined };
  if (anchor === "last") return { flags: after, relative: undefined };
  const [flag, neighbour] = "before" in anchor ? [before, anchor.before] : [after, anchor.after];
  return {
    flags: flag | (neighbour instanceof Link ? relativeIsLink : 0),
    relative: neighbour[handleOf],
  };
}
