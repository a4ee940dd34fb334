import { checked } from "./error.ts";
import { Link } from "./link.ts";
import type { BpfMap } from "./map.ts";
import type { Handle } from "./native.ts";
import { HANDLE_LINK, native } from "./native.ts";
import { handleOf, Owned } from "./owned.ts";
import type { BpfProgram } from "./program.ts";

/** One run of an iterator: what the program writes with bpf_seq_write, as bytes. */
export class IteratorReader extends Owned {
  /**
   * Returns the number of bytes, 0 at the end. The kernel fills at most a few pages at a time:
   * read until 0. Throws what the program's refusal means, e.g. E2BIG for one record too large.
   */
  readInto(buffer: Uint8Array): number {
    return checked<number>("read iterator", native.iteratorRead(this[handleOf], buffer));
  }

  /**
   * The same on another thread: of a large map a read may take long, all the longer the less there is
   * to tell. One at a time; the buffer is the read's until it resolves.
   */
  async readIntoAsync(buffer: Uint8Array): Promise<number> {
    const result = await native.iteratorReadAsync(this[handleOf], buffer);
    return checked<number>("read iterator", result);
  }
}

/** An iterator program and its target: opened as often as one likes, each time from the start. */
export class IteratorLink extends Link {
  static override openPinned(path: string): IteratorLink {
    return new IteratorLink(
      checked<Handle>(`open pinned link ${path}`, native.getPinned(HANDLE_LINK, path)),
    );
  }

  open(): IteratorReader {
    return new IteratorReader(
      checked<Handle>("open iterator", native.iteratorOpen(this[handleOf])),
    );
  }
}

/** SEC("iter/..."); `map` is the target of iter/bpf_map_elem. */
export function attachIterator(program: BpfProgram, options: { map?: BpfMap } = {}): IteratorLink {
  const result = native.linkIterator(program[handleOf], options.map?.[handleOf]);
  return new IteratorLink(checked<Handle>(`attach iterator ${program.name}`, result));
}

/** For a single run. */
export function openIterator(program: BpfProgram, options: { map?: BpfMap } = {}): IteratorReader {
  using link = attachIterator(program, options);
  return link.open();
}
