import {
  closeSync,
  constants,
  existsSync,
  fchownSync,
  lchownSync,
  mkdirSync,
  openSync,
  readdirSync,
  statSync,
} from "node:fs";
import { dirname, join } from "node:path";
import type { CollectorConfig } from "./config.ts";
import { spoolDirectoryOf } from "./node-spool.ts";
import { pinDirectoryOf } from "./pins.ts";
import { neededCapabilities } from "./privileges.ts";

/** Of util-linux, which every distribution has. */
const setpriv = "/usr/bin/setpriv";

/**
 * Started as root with a user set, the process makes the folders that take root, gives them to that
 * user, and becomes a collector with the capabilities that it needs and no way to get others. Comes
 * back only where there is nothing to hand over. Another program in the same process: descriptors,
 * signals and the process id stay, and no thread of ours keeps what the others gave up.
 */
export function handOver(config: CollectorConfig): void {
  const { user } = config;
  if (user === undefined || process.getuid?.() !== 0) return;
  if (!existsSync(setpriv)) throw new Error(`user needs ${setpriv}, of the package util-linux`);
  const [uid = "", gid = uid] = user.split(":");
  const folders = [
    pinDirectoryOf(config),
    spoolDirectoryOf(config),
    join(config.runDirectory, "collectors"),
  ];
  for (const folder of folders) give(folder, Number(uid), Number(gid));
  process.execve?.(setpriv, [
    "setpriv",
    ...["--reuid", uid, "--regid", gid, "--clear-groups", "--no-new-privs"],
    ...capabilityArguments(neededCapabilities(config)),
    ...[process.execPath, ...process.execArgv, ...process.argv.slice(1)],
  ]);
}

/** Folders above are others' as well: whether they may be opened is for who owns them to say. */
function refuseShut(folder: string, uid: number): void {
  const { mode, uid: owner } = statSync(folder);
  if (owner !== uid && (mode & 0o001) === 0)
    throw new Error(`user ${uid} may not enter ${folder}: chmod o+x ${folder}, or name another`);
  if (folder !== "/") refuseShut(dirname(folder), uid);
}

/** These and no others, now and after any exec. */
export function capabilityArguments(names: string[]): string[] {
  const list = ["-all", ...names.map((name) => `+${name.toLowerCase()}`)].join(",");
  return [`--inh-caps=${list}`, `--ambient-caps=${list}`, `--bounding-set=${list}`];
}

/** With all that an earlier collector left in it. */
function give(folder: string, uid: number, gid: number): void {
  mkdirSync(dirname(folder), { recursive: true, mode: 0o755 });
  refuseShut(dirname(folder), uid);
  if (!existsSync(folder)) mkdirSync(folder, { mode: 0o700 });
  giveTree(folder, uid, gid);
}

/**
 * What an earlier collector left is the user's already, who may put links in the way meanwhile: every
 * step goes through a descriptor, and none follows a link.
 */
export function giveTree(folder: string, uid: number, gid: number): void {
  const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = constants;
  const descriptor = openSync(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  try {
    const here = `/proc/self/fd/${descriptor}`;
    for (const entry of readdirSync(here, { withFileTypes: true })) {
      if (entry.isDirectory()) giveTree(join(here, entry.name), uid, gid);
      else if (!entry.isSymbolicLink()) lchownSync(join(here, entry.name), uid, gid);
    }
    fchownSync(descriptor, uid, gid);
  } finally {
    closeSync(descriptor);
  }
}
