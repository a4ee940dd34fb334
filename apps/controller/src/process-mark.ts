import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";
import type { ControllerClaim } from "@weir/codec";
import { processStart } from "@weir/identity";

/** This process, told apart from a later one with the same number, and from one of another container. */
export function processMark(): string {
  return [bootId(), numberSpace(), process.pid, processStart("self") ?? 0].join(" ");
}

/** The process has ended, as far as that can be told from here. */
export function isSurelyGone({ host, process: mark }: ControllerClaim): boolean {
  const [boot = "", space = "", pid = "", start = ""] = mark.split(" ");
  if (boot !== bootId()) return host === hostname();
  return space === numberSpace() && processStart(Number(pid)) !== start;
}

function bootId(): string {
  return readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
}

/** Process numbers mean something within it only. */
function numberSpace(): string {
  return readlinkSync("/proc/self/ns/pid").replaceAll(/\D/g, "");
}
