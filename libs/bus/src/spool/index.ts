export { realDisk } from "./disk.ts";
export type { SpoolDisk } from "./disk.ts";
export { spoolDefaults } from "./options.ts";
export type { SpoolCounters, SpoolEntry, SpoolItem, SpoolOptions, SpoolSync } from "./options.ts";
export { openSpool, removeSpool } from "./spool.ts";
export type { Spool, SpoolMark } from "./spool.ts";
