import { checked } from "./error.ts";
import type { AttachType, ProgramType } from "./kinds.ts";
import { attachType, programType } from "./kinds.ts";
import type { Handle, NativeProgramInfo } from "./native.ts";
import { HANDLE_PROGRAM, native } from "./native.ts";
import { handleOf, Owned } from "./owned.ts";

export interface ProgramInfo {
  id: number;
  type: ProgramType;
  /** Cut to 15 characters by the kernel. */
  name: string;
  /** After translation. */
  instructions: number;
  /** What the verifier walked; Linux 5.16. */
  verifiedInstructions: number;
  /** 0 while kernel.bpf_stats_enabled is off. */
  runCount: bigint;
  runTimeNs: bigint;
}

/** What only the object file knows of a program. */
export interface ProgramOrigin {
  name: string;
  section: string;
  attachType: number;
}

/** A loaded program. It stays loaded while this, a link, a pin or a map of programs refers to it. */
export class BpfProgram extends Owned {
  readonly name: string;
  readonly id: number;
  readonly type: ProgramType;
  /** Undefined where the program does not come from an object file. */
  readonly section: string | undefined;
  readonly attachType: AttachType | undefined;

  /** @internal */
  constructor(handle: Handle, origin?: ProgramOrigin) {
    super(handle);
    const info = this.#info();
    this.id = info.id;
    this.type = programType.name(info.type);
    this.name = origin?.name ?? info.name;
    this.section = origin?.section;
    this.attachType = origin ? attachType.name(origin.attachType) : undefined;
  }

  /** Throws BpfError: ENOENT for no such pin, EINVAL for a pin of something else. */
  static openPinned(path: string): BpfProgram {
    return new BpfProgram(
      checked<Handle>(`open pinned program ${path}`, native.getPinned(HANDLE_PROGRAM, path)),
    );
  }

  static fromId(id: number): BpfProgram {
    return new BpfProgram(
      checked<Handle>(`open program ${id}`, native.getById(HANDLE_PROGRAM, id)),
    );
  }

  pin(path: string): void {
    checked(
      `pin program ${this.name} to ${path}`,
      native.pin(HANDLE_PROGRAM, this[handleOf], path),
    );
  }

  unpin(path: string): void {
    checked(`unpin ${path}`, native.unpin(path));
  }

  info(): ProgramInfo {
    const { id, type, name, instructions, verifiedInstructions, runCount, runTimeNs } =
      this.#info();
    return {
      id,
      type: programType.name(type),
      name,
      instructions,
      verifiedInstructions,
      runCount,
      runTimeNs,
    };
  }

  #info(): NativeProgramInfo {
    return checked<NativeProgramInfo>("describe program", native.programInfo(this[handleOf]));
  }
}
