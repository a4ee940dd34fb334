import { readFileSync, statSync } from "node:fs";
import { ExternalNetworks } from "@weir/identity";
import type { Log } from "@weir/runtime";

/** Names of networks from a file, as the file is now. */
export interface NetworkList {
  readonly current: ExternalNetworks;
  close(): void;
}

/** Bytes of a list at most. */
const maxFileBytes = 16 << 20;

/**
 * Reads the file and reads it again when it has changed. Throws where it cannot be read at the
 * start; later a list that cannot be read leaves the one before in force.
 */
export function followNetworkList(
  path: string | undefined,
  { log, rereadMs }: { log: Log; rereadMs: number },
): NetworkList {
  if (path === undefined) return { current: new ExternalNetworks(), close: () => {} };
  let stamp = stampOf(path);
  let current = read(path);
  log.info({ path, networks: current.size }, "networks outside have names");
  const timer = setInterval(() => {
    try {
      const now = stampOf(path);
      if (now === stamp) return;
      stamp = now;
      current = read(path);
      log.info({ path, networks: current.size }, "networks outside have other names");
    } catch (error) {
      log.warn({ error, path }, "the list of networks cannot be read; the one before stays");
    }
  }, rereadMs);
  timer.unref();
  return {
    get current() {
      return current;
    },
    close: () => clearInterval(timer),
  };
}

function stampOf(path: string): string {
  const { mtimeNs, size, ino } = statSync(path, { bigint: true });
  return `${mtimeNs} ${size} ${ino}`;
}

function read(path: string): ExternalNetworks {
  if (statSync(path).size > maxFileBytes)
    throw new Error(`${path} has more than ${maxFileBytes} bytes`);
  try {
    return ExternalNetworks.parse(readFileSync(path, "utf8"));
  } catch (error) {
    throw new Error(`${path}: ${(error as Error).message}`, { cause: error });
  }
}
