import { readFileSync } from "node:fs";
import { functionOffset } from "./elf_symbol.ts";
import { checked, refusal } from "./error.ts";
import { Link } from "./link.ts";
import type { Handle } from "./native.ts";
import { native } from "./native.ts";
import { handleOf } from "./owned.ts";
import type { BpfProgram } from "./program.ts";

export interface UprobeOptions {
  /** Of the executable or library. */
  path: string;
  /** A function, or `offset` in the file; with both, the offset counts from the function. */
  symbol?: string;
  offset?: number;
  /** Default: every process, also those that start later. */
  pid?: number;
  /** At the function's return instead of its start. */
  onReturn?: boolean;
  /** What bpf_get_attach_cookie() returns. */
  cookie?: bigint;
}

const pmu = "/sys/bus/event_source/devices/uprobe";

/** SEC("uprobe") or SEC("uretprobe"). Throws RangeError when the file has no such function. */
export function attachUprobe(program: BpfProgram, options: UprobeOptions): Link {
  const { path, symbol, offset = 0, pid = -1, cookie = 0n } = options;
  const operation = `attach ${program.name} to ${symbol ?? offset} of ${path}`;
  if (symbol === undefined && options.offset === undefined) {
    throw refusal(operation, "EINVAL", "a symbol or an offset is missing");
  }
  const at = (symbol === undefined ? 0 : functionOffset(path, symbol)) + offset;
  const config = options.onReturn ? returnBit() : 0n;
  const type = Number(describe("type", operation));
  const result = native.linkPerf(program[handleOf], type, config, path, BigInt(at), pid, cookie);
  return new Link(checked<Handle>(operation, result));
}

function describe(file: string, operation: string): string {
  try {
    return readFileSync(`${pmu}/${file}`, "utf8").trim();
  } catch (cause) {
    const error = refusal(
      operation,
      "EOPNOTSUPP",
      "this kernel has no uprobe events (CONFIG_UPROBE_EVENTS)",
    );
    error.cause = cause;
    throw error;
  }
}

/** "config:0" */
function returnBit(): bigint {
  return 1n << BigInt(describe("format/retprobe", "attach at the return").replace("config:", ""));
}
