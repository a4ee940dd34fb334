import { rmSync } from "node:fs";
import { BpfError, attachClsact, attachTcx } from "libbpf-ts";
import type { BpfProgram, ClsactFilter, Link } from "libbpf-ts";
import type { Datapath, ProgramName } from "./datapath.ts";
import type { Side } from "./pins.ts";

export type HookKind = "tcx" | "clsact";

/** One interface's one direction. */
export interface HookPlace {
  ifindex: number;
  /** Path of the network namespace; absent: the collector's own. */
  netns: string | undefined;
  side: Side;
  /** The machine's own interface: what leaves it is from the workload. */
  inverted: boolean;
  /** No MAC header. */
  layer3: boolean;
}

/** A program in place. */
export interface Hook {
  readonly kind: HookKind;
  /** False once the interface is gone. */
  alive(): boolean;
  detach(): void;
  /** Leaves the program in place without us. */
  leave(): void;
}

export function programFor(place: HookPlace): ProgramName {
  const name = place.side === "from" ? "from_workload" : "to_workload";
  return place.layer3 ? `${name}_l3` : name;
}

function directionOf(place: HookPlace): "ingress" | "egress" {
  // At a workload's veth the node's end sees what the workload sends come in.
  return (place.side === "from") === place.inverted ? "egress" : "ingress";
}

/** Puts the program at the head of the hook, in place of the one that an inherited link holds. */
export function attachHook(
  datapath: Datapath,
  kind: HookKind,
  place: HookPlace,
  inherited: Link | undefined,
): Hook {
  const program = datapath.program(programFor(place));
  return kind === "tcx" ? tcxHook(datapath, program, place, inherited) : clsactHook(program, place);
}

function tcxHook(
  datapath: Datapath,
  program: BpfProgram,
  place: HookPlace,
  inherited: Link | undefined,
): Hook {
  const path = datapath.pins.link(place.ifindex, place.side);
  const link = inherited ?? attachTcx(program, { ...where(place), anchor: "first" });
  if (inherited === undefined) pinOrClose(link, path);
  else link.update(program);
  return {
    kind: "tcx",
    alive: () => isAlive(link),
    detach() {
      removePinnedLink(link, path);
    },
    leave: () => link.close(),
  };
}

function pinOrClose(link: Link, path: string): void {
  try {
    link.pin(path);
  } catch (error) {
    link.close();
    throw error;
  }
}

export function isAlive(link: Link): boolean {
  return (link.info().ifindex ?? 0) !== 0;
}

/** The pin first: whatever fails after it, nobody takes over a link that is going. */
export function removePinnedLink(link: Link, path: string): void {
  // Somebody else may have taken it away.
  rmSync(path, { force: true });
  try {
    if (isAlive(link)) link.detach();
  } finally {
    link.close();
  }
}

/**
 * Where ours is in place: takes away what a collector with the other kind of hook has left there,
 * which would count every packet once more.
 */
export function removeOtherKind(
  datapath: Datapath,
  kind: HookKind,
  place: HookPlace,
  inherited: Link | undefined,
): void {
  if (kind === "tcx") {
    if (inherited === undefined) removeFilter(datapath.program(programFor(place)), where(place));
  } else if (inherited !== undefined) {
    removePinnedLink(inherited, datapath.pins.link(place.ifindex, place.side));
  }
}

/**
 * Takes our filter away, whoever has put it there; where there is none it does nothing. To take its
 * place is how a filter is got hold of that another process has left.
 */
export function removeFilter(program: BpfProgram, at: ReturnType<typeof where>): void {
  const ours = { priority: clsactPriority, handle: clsactHandle, replace: true };
  attachClsact(program, { ...at, ...ours })[Symbol.dispose]();
}

/** Ours among the filters of an interface. */
export const clsactPriority = 1;
export const clsactHandle = 0x77656972; // "weir"

function clsactHook(program: BpfProgram, place: HookPlace): Hook {
  const filter: ClsactFilter = attachClsact(program, {
    ...where(place),
    priority: clsactPriority,
    handle: clsactHandle,
    replace: true,
  });
  return {
    kind: "clsact",
    alive() {
      try {
        filter.info();
        return true;
      } catch (error) {
        if (error instanceof BpfError) return false;
        throw error;
      }
    },
    detach: () => filter[Symbol.dispose](),
    leave: () => filter.release(),
  };
}

function where(place: HookPlace): {
  ifindex: number;
  direction: "ingress" | "egress";
  netns?: string;
} {
  const { ifindex, netns } = place;
  return { ifindex, direction: directionOf(place), ...(netns === undefined ? {} : { netns }) };
}
