import * as fs from "node:fs";

/** What the spool asks of a file system. Sizes and positions in bytes; every call may throw. */
export interface SpoolDisk {
  open(path: string, flags: "r+" | "wx+" | "r" | "a+"): number;
  /** All of it, or throws; what was written of it before stays. */
  write(fd: number, bytes: Uint8Array, position: number): void;
  /** As much as there is. */
  read(fd: number, into: Uint8Array, position: number): number;
  size(fd: number): number;
  truncate(fd: number, size: number): void;
  sync(fd: number): void;
  syncLater(fd: number): Promise<void>;
  close(fd: number): void;
  list(directory: string): string[];
  makeDirectory(directory: string): void;
  remove(path: string): void;
  removeDirectory(directory: string): void;
}

export const realDisk: SpoolDisk = {
  open: (path, flags) => fs.openSync(path, flags, 0o600),
  write(fd, bytes, position) {
    for (let written = 0; written < bytes.length;) {
      const count = fs.writeSync(fd, bytes, written, bytes.length - written, position + written);
      if (count === 0) throw new Error("the file system takes no more bytes");
      written += count;
    }
  },
  read(fd, into, position) {
    let filled = 0;
    while (filled < into.length) {
      const count = fs.readSync(fd, into, filled, into.length - filled, position + filled);
      if (count === 0) break;
      filled += count;
    }
    return filled;
  },
  size: (fd) => fs.fstatSync(fd).size,
  truncate: (fd, size) => fs.ftruncateSync(fd, size),
  sync: (fd) => fs.fdatasyncSync(fd),
  syncLater: (fd) =>
    new Promise((resolve, reject) =>
      fs.fdatasync(fd, (error) => (error === null ? resolve() : reject(error))),
    ),
  close: (fd) => fs.closeSync(fd),
  list: (directory) => fs.readdirSync(directory),
  makeDirectory: (directory) => void fs.mkdirSync(directory, { recursive: true, mode: 0o700 }),
  remove: (path) => fs.unlinkSync(path),
  removeDirectory: (directory) => fs.rmdirSync(directory),
};
