import { execFileSync } from "node:child_process";
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  truncateSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import type { Spool } from "./index.ts";
import { Folder, item, open, readAll } from "../testing/spool.ts";

// Real file systems that are full or broken; they need root, and a name of their own.
const isRoot = process.getuid?.() === 0;
if (!isRoot)
  process.stderr.write("skipped, mounting needs root: the spool on a full file system\n");
const asRoot = isRoot ? describe : describe.skip;

function run(command: string, ...given: string[]): string {
  return execFileSync(command, given, { encoding: "utf8", stdio: ["pipe", "pipe", "pipe"] }).trim();
}

/** A mounted file system, taken away afterwards. */
class Mounted implements Disposable {
  readonly path: string;
  readonly #undo: (() => void)[] = [];

  constructor(folder: Folder) {
    this.path = join(folder.path, "mount");
    mkdirSync(this.path);
  }

  tmpfs(size: string): this {
    run("mount", "-t", "tmpfs", "-o", `size=${size}`, "weir-spool-test", this.path);
    this.#undo.push(() => run("umount", this.path));
    return this;
  }

  /** ext4 in a file behind a loop device. */
  loop(folder: Folder, bytes = 8 << 20): string {
    const image = join(folder.path, "image");
    closeSync(openSync(image, "w"));
    truncateSync(image, bytes);
    const device = run("losetup", "--find", "--show", image);
    this.#undo.push(() => run("losetup", "--detach", device));
    run("mkfs.ext4", "-q", "-O", "^has_journal", device);
    return device;
  }

  mount(device: string): this {
    run("mount", device, this.path);
    this.#undo.push(() => run("umount", this.path));
    return this;
  }

  [Symbol.dispose](): void {
    for (const undo of this.#undo.toReversed()) undo();
  }
}

/** Appends until the disk refuses; returns how many it took. */
async function fillAndRecover(mounted: Mounted): Promise<void> {
  const more = { segmentBytes: 256 << 10, maxBytes: 1 << 30 };
  const ballast = join(mounted.path, "ballast");
  const fd = openSync(ballast, "w");
  {
    using spool = await open(mounted.path, more);
    spool.append(item(1, 10_000));
    expect(() => {
      for (;;) writeSync(fd, Buffer.alloc(65_536));
    }).toThrow("ENOSPC");
    closeSync(fd);
    let taken = 1;
    expect(() => {
      for (; taken < 1e6; taken++) spool.append(item(taken + 1, 10_000));
    }).toThrow("ENOSPC");
    expect(spool.counters).toMatchObject({ waitingBlocks: taken, failedAppends: 1 });
    unlinkSync(ballast);
    for (let n = taken + 1; n <= taken + 20; n++) spool.append(item(n, 10_000));
    expect(readAll(spool)).toEqual(Array.from({ length: taken + 20 }, (_, i) => i + 1));
    spool.append(item(taken + 21, 10_000));
  }
  using spool = await open(mounted.path, more);
  expect(readAll(spool)).toEqual([spool.last.number]);
  expect(spool.counters).toMatchObject({ damagedBlocks: 0, droppedBlocks: 0 });
}

asRoot("a spool on a file system that is full", () => {
  it("tmpfs: takes back what did not fit, and goes on when there is room", async () => {
    using folder = new Folder();
    using mounted = new Mounted(folder).tmpfs("4m");
    await fillAndRecover(mounted);
  }, 30_000);

  it("ext4 on a loop device: the same", async () => {
    using folder = new Folder();
    using mounted = new Mounted(folder);
    mounted.mount(mounted.loop(folder));
    await fillAndRecover(mounted);
  }, 30_000);
});

// dm-error is not in every kernel: a device that ends too early gives the same EIO, and a real one.
asRoot("a spool on a disk that breaks", () => {
  it("reads what there is, and counts what the disk does not give back", async () => {
    using folder = new Folder();
    using mounted = new Mounted(folder);
    mounted.mount(mounted.loop(folder, 32 << 20));
    const troubles: string[] = [];
    using spool = await open(mounted.path, {
      ...{ segmentBytes: 256 << 10, maxBytes: 1 << 30 },
      onTrouble: (error) => troubles.push(error.message),
    });
    const blocks = 60;
    for (let n = 1; n <= blocks; n++) spool.append(item(n, 10_000));
    run("sync", "--file-system", mounted.path);
    truncateSync(join(folder.path, "image"), 4 << 20);
    for (const name of readdirSync(mounted.path).filter((one) => one.endsWith(".blocks")))
      run("dd", `if=${join(mounted.path, name)}`, "iflag=nocache", "count=0");
    expect(() => spool.read(1 << 20)).toThrow("EIO");
    // The last page of the open segment cannot be read, and so not be written; a new one can.
    expect(() => spool.append(item(blocks + 1, 10_000))).toThrow("EIO");
    spool.append(item(blocks + 1, 10_000));
    const found = await readThrough(spool);
    expect(found.at(-1)).toBe(blocks + 1);
    expect(found.toSorted((one, other) => one - other)).toEqual(found);
    const { damagedBlocks, damagedRecords } = spool.counters;
    expect(damagedBlocks).toBe(blocks + 1 - found.length);
    expect(damagedBlocks).toBeGreaterThan(0);
    expect(damagedRecords).toBe(10 * damagedBlocks);
    expect(troubles.join()).toContain("EIO");
  }, 30_000);
});

/** As whoever sends does: tries again until there is nothing left to read. */
async function readThrough(spool: Spool): Promise<number[]> {
  const found: number[] = [];
  for (let failures = 0; failures < 100;) {
    try {
      const more = readAll(spool);
      if (more.length === 0) return found;
      found.push(...more);
    } catch {
      failures++;
    }
    await new Promise((done) => setTimeout(done, 1));
  }
  throw new Error("the disk fails for ever");
}
