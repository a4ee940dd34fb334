import { checked } from "./error.ts";
import type { NativeFilter } from "./native.ts";
import { native } from "./native.ts";
import type { Netns } from "./netns.ts";
import { netnsPath } from "./netns.ts";
import { handleOf } from "./owned.ts";
import type { BpfProgram } from "./program.ts";
import type { Direction } from "./tcx.ts";

export interface ClsactOptions extends Netns {
  ifindex: number;
  direction: Direction;
  /** Filters run in the order of their priorities; default: the kernel chooses. */
  priority?: number;
  handle?: number;
  /** Takes the place of the filter with this priority and handle, in one step. Default: EEXIST. */
  replace?: boolean;
}

export interface FilterInfo {
  programId: number;
  handle: number;
  priority: number;
}

interface Place {
  netns: string;
  ifindex: number;
  direction: number;
  handle: number;
  priority: number;
}

/**
 * A program as a tc filter in direct-action mode on the clsact qdisc: for kernels without TCX.
 *
 * No file descriptor keeps it: it stays when the process dies, until it is detached or its
 * interface goes. Disposing detaches it; `release()` first leaves it to whoever comes next, who
 * takes it over with the same priority and handle and `replace`. The qdisc stays: others may use it.
 */
export class ClsactFilter implements Disposable {
  readonly handle: number;
  readonly priority: number;
  readonly #place: Place;
  #attached = true;

  /** @internal */
  constructor(place: Place) {
    this.#place = place;
    this.handle = place.handle;
    this.priority = place.priority;
  }

  /** In one step: every packet meets the old program or the new one. */
  update(program: BpfProgram): void {
    attach(program, this.#place, true);
  }

  /** Throws BpfError ENOENT when the filter is gone. */
  info(): FilterInfo {
    const { netns, ifindex, direction, handle, priority } = this.#place;
    return checked<NativeFilter>(
      `describe filter of interface ${ifindex}`,
      native.clsactQuery(netns, ifindex, direction, handle, priority),
    );
  }

  detach(): void {
    const { netns, ifindex, direction, handle, priority } = this.#place;
    checked(
      `detach filter of interface ${ifindex}`,
      native.clsactDetach(netns, ifindex, direction, handle, priority),
    );
    this.#attached = false;
  }

  /** Disposing leaves it in place from here on. */
  release(): void {
    this.#attached = false;
  }

  /** Detaches it, if it is still there: with its interface or namespace the kernel has done so. */
  [Symbol.dispose](): void {
    if (!this.#attached) return;
    const { netns, ifindex, direction, handle, priority } = this.#place;
    native.clsactDetach(netns, ifindex, direction, handle, priority);
    this.#attached = false;
  }
}

function attach(program: BpfProgram, place: Place, replace: boolean): NativeFilter {
  const { netns, ifindex, direction, handle, priority } = place;
  return checked<NativeFilter>(
    `attach ${program.name} to clsact of interface ${ifindex}`,
    native.clsactAttach(program[handleOf], netns, ifindex, direction, handle, priority, replace),
  );
}

/** SEC("tc") as a filter at an interface; any kernel this package runs on. */
export function attachClsact(program: BpfProgram, options: ClsactOptions): ClsactFilter {
  const place = {
    netns: netnsPath(options),
    ifindex: options.ifindex,
    direction: options.direction === "ingress" ? 1 : 2,
    handle: options.handle ?? 0,
    priority: options.priority ?? 0,
  };
  const { handle, priority } = attach(program, place, options.replace ?? false);
  return new ClsactFilter({ ...place, handle, priority });
}
