import type { Handle } from "./native.ts";
import { native } from "./native.ts";

/** Where the package's own files find the handle; not exported. */
export const handleOf = Symbol("handle");

/**
 * Something that holds a reference to a kernel object.
 *
 * `close()`, `using` or the garbage collector give the reference back; what the reference kept
 * alive goes with the last one. Closing twice is fine; any other use after it throws EBADF.
 */
export abstract class Owned implements Disposable {
  readonly [handleOf]: Handle;

  constructor(handle: Handle) {
    this[handleOf] = handle;
  }

  get closed(): boolean {
    return native.handleIsOpen(this[handleOf]) === 0;
  }

  close(): void {
    native.handleClose(this[handleOf]);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
