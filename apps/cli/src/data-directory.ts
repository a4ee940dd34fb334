import { homedir } from "node:os";
import { join, resolve } from "node:path";

/** Where weir keeps what outlives it, when --data does not say: below the XDG state home. */
export function dataDirectory(given: string | undefined): string {
  if (given !== undefined) return resolve(given);
  const state = process.env["XDG_STATE_HOME"];
  // The specification has relative paths ignored.
  const base = state?.startsWith("/") ? state : join(homedir(), ".local/state");
  return join(base, "weir");
}
