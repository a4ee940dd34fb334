import { join } from "node:path";
import { crc32 } from "node:zlib";
import type { SpoolDisk } from "./disk.ts";

/** What the spool knows beside its segments. */
export interface SpoolPosition {
  /** Everything up to and with it is with the bus, or was given up. */
  released: number;
  /** The latest block that was settled. */
  stream: string;
  number: number;
  total: number;
  droppedBlocks: number;
  droppedRecords: number;
  droppedBytes: number;
  damagedBlocks: number;
  damagedRecords: number;
  damagedBytes: number;
  /** First sequence of a segment that is counted as dropped and may still lie there; 0 for none. */
  dropping: number;
}

export const startPosition: SpoolPosition = {
  ...{ released: 0, stream: "", number: 0, total: 0, dropping: 0 },
  ...{ droppedBlocks: 0, droppedRecords: 0, droppedBytes: 0 },
  ...{ damagedBlocks: 0, damagedRecords: 0, damagedBytes: 0 },
};

const slotBytes = 1024;

/** Two slots, written in turn: a torn write leaves the other one, which is the state before. */
export class PositionFile {
  readonly #disk: SpoolDisk;
  readonly #fd: number;
  #turn = 0;

  constructor(disk: SpoolDisk, directory: string) {
    this.#disk = disk;
    this.#fd = disk.open(join(directory, "position"), "r+");
  }

  static make(disk: SpoolDisk, directory: string): void {
    disk.close(disk.open(join(directory, "position"), "a+"));
  }

  read(): SpoolPosition | undefined {
    const bytes = Buffer.alloc(2 * slotBytes);
    const length = this.#disk.read(this.#fd, bytes, 0);
    let newest: { turn: number; position: SpoolPosition } | undefined;
    for (const at of [0, slotBytes]) {
      if (at + slotBytes > length) continue;
      const slot = parseSlot(bytes.subarray(at, at + slotBytes));
      if (slot && (!newest || slot.turn > newest.turn)) newest = slot;
    }
    this.#turn = newest?.turn ?? 0;
    return newest?.position;
  }

  write(position: SpoolPosition): void {
    const turn = this.#turn + 1;
    const slot = Buffer.alloc(slotBytes);
    const text = Buffer.from(JSON.stringify({ turn, position }));
    slot.writeUInt32LE(text.length, 4);
    text.copy(slot, 8);
    slot.writeUInt32LE(crc32(slot.subarray(4)), 0);
    this.#disk.write(this.#fd, slot, (turn % 2) * slotBytes);
    this.#turn = turn;
  }

  close(): void {
    this.#disk.close(this.#fd);
  }
}

function parseSlot(slot: Buffer): { turn: number; position: SpoolPosition } | undefined {
  const length = slot.readUInt32LE(4);
  if (length === 0 || length > slotBytes - 8 || crc32(slot.subarray(4)) !== slot.readUInt32LE(0))
    return undefined;
  return JSON.parse(slot.toString("utf8", 8, 8 + length)) as {
    turn: number;
    position: SpoolPosition;
  };
}
