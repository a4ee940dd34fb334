/** What this package uses of WebAssembly; Node's own types leave it to the browser's. */
declare namespace WebAssembly {
  class Module {
    private readonly compiled: true;
    constructor(bytes: Uint8Array<ArrayBuffer>);
  }
  class Instance {
    constructor(module: Module);
    readonly exports: object;
  }
  interface Memory {
    readonly buffer: ArrayBuffer;
    /** Throws RangeError where there is no more; every earlier `buffer` is detached. */
    grow(pages: number): number;
  }
  interface Global<Type extends "i32" | "i64"> {
    readonly value: Type extends "i32" ? number : bigint;
  }
}
