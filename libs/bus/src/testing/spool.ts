import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSpool, realDisk, spoolDefaults } from "../spool/index.ts";
import type { Spool, SpoolDisk, SpoolEntry, SpoolItem, SpoolOptions } from "../spool/index.ts";

/** A folder of a test. */
export class Folder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), "spool-"));

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

export function open(directory: string, more: Partial<SpoolOptions> = {}): Promise<Spool> {
  return openSpool({ ...spoolDefaults, sync: "never", directory, ...more });
}

/** The `number`th block of `records` records each. */
export function item(number: number, bytes = 20, records = 10): SpoolItem {
  const value = Buffer.alloc(bytes, number);
  return { stream: "boot-1", number, records, total: number * records, value };
}

export function numbers(entries: SpoolEntry[]): number[] {
  return entries.map((one) => one.number);
}

/** Reads and releases until there is nothing more. */
export function readAll(spool: Spool, maxBytes = 1 << 20): number[] {
  const found: number[] = [];
  for (;;) {
    const entries = spool.read(maxBytes);
    const last = entries.at(-1);
    if (last === undefined) return found;
    for (const one of entries) {
      if (!one.value.every((byte) => byte === one.number % 256)) throw new Error("a broken block");
      found.push(one.number);
    }
    spool.release(last);
  }
}

/** A real disk whose calls fail where `fails` says so: errors that no file system can be made to give at will. */
export function injectedFaults(fails: (call: keyof SpoolDisk) => string | undefined): SpoolDisk {
  const calls = Object.entries(realDisk).map(([name, call]) => [
    name,
    (...given: unknown[]): unknown => {
      const code = fails(name as keyof SpoolDisk);
      if (code !== undefined) throw Object.assign(new Error(`${code}: injected`), { code });
      return (call as (...all: unknown[]) => unknown)(...given);
    },
  ]);
  return Object.fromEntries(calls) as SpoolDisk;
}
