import { BpfError, failure } from "./error.ts";
import type { Handle } from "./native.ts";
import { native } from "./native.ts";

const end = 2 ** 32;
const doneUnit = 4096;

/** Where a walk by batches stands. One cursor per walk; `done` is true when there is no more. */
export class BatchCursor {
  #from: Uint8Array | undefined;
  #to: Uint8Array | undefined;
  #done = false;

  get done(): boolean {
    return this.#done;
  }

  /** Back to the start of the map. */
  reset(): void {
    this.#from = undefined;
    this.#done = false;
  }

  /** @internal */
  next(
    map: Handle,
    name: string,
    keySize: number,
    keys: Uint8Array,
    values: Uint8Array,
    take: boolean,
  ): number {
    if (this.#done) return 0;
    const operation = `${take ? "take" : "look up"} a batch of map ${name}`;
    const to = this.#to ?? new Uint8Array(Math.max(keySize, 4));
    const result = native.mapLookupBatch(map, this.#from, to, keys, values, take);
    if (result < 0) throw failure(operation, result, hintOf(result));
    // The token that was read from becomes the one to write to.
    this.#to = this.#from ?? new Uint8Array(to.length);
    this.#from = to;
    this.#done = result >= end;
    return this.#done ? result - end : result;
  }
}

function hintOf(result: number): string | undefined {
  return result === -28
    ? "a hash bucket holds more entries than the buffers: pass larger ones"
    : undefined;
}

export function updateBatch(
  map: Handle,
  name: string,
  keys: Uint8Array,
  values: Uint8Array,
  count: number,
  flags: number,
): void {
  finish(`update a batch of map ${name}`, native.mapUpdateBatch(map, keys, values, count, flags));
}

export function deleteBatch(map: Handle, name: string, keys: Uint8Array, count: number): void {
  finish(`delete a batch of map ${name}`, native.mapDeleteBatch(map, keys, count));
}

function finish(operation: string, result: number): void {
  if (result >= 0) return;
  const completed = Math.floor(-result / doneUnit);
  const errno = -result % doneUnit;
  throw new BpfError(operation, errno, {
    completed,
    hint: `${completed} were done`,
    log: native.takeLog(),
  });
}
