import { checked } from "./error.ts";
import { Link } from "./link.ts";
import type { Handle } from "./native.ts";
import { native } from "./native.ts";
import { handleOf } from "./owned.ts";
import type { BpfProgram } from "./program.ts";

export interface TracepointOptions {
  /** As under /sys/kernel/tracing/events, e.g. `syscalls`; tracefs need not be mounted. */
  category: string;
  /** e.g. `sys_enter_execve` */
  name: string;
  /** What bpf_get_attach_cookie() returns. */
  cookie?: bigint;
}

const perfTypeTracepoint = 2;

/** SEC("tracepoint/..."). Throws BpfError ENOENT for an unknown tracepoint. */
export function attachTracepoint(program: BpfProgram, options: TracepointOptions): Link {
  const name = `${options.category}/${options.name}`;
  const id = checked<number>(`find tracepoint ${name}`, native.tracepointId(name));
  const cookie = options.cookie ?? 0n;
  const result = native.linkPerf(
    program[handleOf],
    perfTypeTracepoint,
    BigInt(id),
    "",
    0n,
    -1,
    cookie,
  );
  return new Link(checked<Handle>(`attach ${program.name} to tracepoint ${name}`, result));
}

/** SEC("raw_tp") with the tracepoint's name; SEC("tp_btf/...") has it already: name "". */
export function attachRawTracepoint(program: BpfProgram, options: { name: string }): Link {
  const result = native.linkRawTracepoint(program[handleOf], options.name);
  return new Link(
    checked<Handle>(`attach ${program.name} to raw tracepoint ${options.name}`, result),
  );
}
