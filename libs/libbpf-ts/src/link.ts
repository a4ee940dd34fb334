import { checked } from "./error.ts";
import type { AttachType, LinkType } from "./kinds.ts";
import { attachType, linkType } from "./kinds.ts";
import type { Handle, NativeLinkInfo } from "./native.ts";
import { HANDLE_LINK, native } from "./native.ts";
import { handleOf, Owned } from "./owned.ts";
import type { BpfProgram } from "./program.ts";

export interface LinkInfo {
  id: number;
  type: LinkType;
  programId: number;
  /** Of tcx and xdp; 0 once the interface is gone or the link is detached. */
  ifindex?: number;
  /** Of tcx and cgroup. */
  attachType?: AttachType;
  /** Of cgroup: the inode of its directory. */
  cgroupId?: bigint;
}

/**
 * A program at a hook. The kernel detaches it when the last reference is gone: closing this
 * detaches unless the link is pinned.
 */
export class Link extends Owned {
  /** Throws BpfError: ENOENT for no such pin, EINVAL for a pin of something else. */
  static openPinned(path: string): Link {
    return new Link(
      checked<Handle>(`open pinned link ${path}`, native.getPinned(HANDLE_LINK, path)),
    );
  }

  static fromId(id: number): Link {
    return new Link(checked<Handle>(`open link ${id}`, native.getById(HANDLE_LINK, id)));
  }

  /** The program stays attached after this process. */
  pin(path: string): void {
    checked(`pin link to ${path}`, native.pin(HANDLE_LINK, this[handleOf], path));
  }

  unpin(path: string): void {
    checked(`unpin ${path}`, native.unpin(path));
  }

  /**
   * Puts another program in place in one step: every packet or event meets the old one or the new
   * one. With `expected`, only if that one is in place (EPERM else). Not every hook can (EINVAL).
   */
  update(program: BpfProgram, options: { expected?: BpfProgram } = {}): void {
    const result = native.linkUpdate(
      this[handleOf],
      program[handleOf],
      options.expected?.[handleOf],
    );
    checked(`put program ${program.name} into link`, result);
  }

  /** At once, pinned or not; the link stays and does nothing. Not every hook can (EOPNOTSUPP): close and unpin. */
  detach(): void {
    checked("detach link", native.linkDetach(this[handleOf]));
  }

  info(): LinkInfo {
    const info = checked<NativeLinkInfo>("describe link", native.linkInfo(this[handleOf]));
    const { type, attachType: hook, ...rest } = info;
    return {
      ...rest,
      type: linkType.name(type),
      ...(hook === undefined ? {} : { attachType: attachType.name(hook) }),
    };
  }
}
