import { Btf } from "./btf.ts";
import type { Value } from "./codec.ts";
import { checked, refusal } from "./error.ts";
import { Globals } from "./globals.ts";
import { mapType } from "./kinds.ts";
import type { MapTypes } from "./map.ts";
import { BpfMap, createMap } from "./map.ts";
import type { Handle, NativeObjectMap, NativeObjectProgram } from "./native.ts";
import { native } from "./native.ts";
import { handleOf, Owned } from "./owned.ts";
import type { OnIncompatible } from "./pinned_map.ts";
import { reusable } from "./pinned_map.ts";
import { BpfProgram } from "./program.ts";
import { applySettings } from "./settings.ts";

export interface MapConfig {
  maxEntries?: number;
  /** Reused when it is there and compatible; else created, and pinned by load(). */
  pinnedAt?: string;
  /** Default `fail`: BpfError EEXIST that says what differs. */
  onIncompatible?: OnIncompatible;
}

export interface OpenOptions {
  /** Of the object, used by libbpf in the names of .data and .bss; default: the file's. */
  name?: string;
  /** `const volatile` globals. */
  settings?: Record<string, Value>;
  maps?: Record<string, MapConfig>;
  programs?: Record<string, { autoload?: boolean }>;
  /** 0: the verifier's log only when it refuses; 1, 2: always, in `log`. */
  logLevel?: number;
  /** The most that is kept of the log; default 65,536. The end is kept. */
  logBytes?: number;
}

/**
 * A BPF object file: opened and set up, then loaded into the kernel.
 *
 * Its maps, programs and globals are closed together with it. Links, rings and pins hold the
 * kernel's objects by themselves and live on.
 */
export class BpfObject extends Owned {
  readonly name: string;
  readonly btf: Btf;
  readonly #maps: Map<string, NativeObjectMap>;
  readonly #programs: Map<string, NativeObjectProgram>;
  readonly #openMaps = new Map<string, BpfMap>();
  readonly #openPrograms = new Map<string, BpfProgram>();
  readonly #toPin = new Map<string, string>();
  readonly #reused = new Map<string, BpfMap>();
  readonly #globals: Globals;
  #log: string;
  #loaded = false;

  private constructor(handle: Handle) {
    super(handle);
    this.#log = native.takeLog();
    this.name = checked<string>("name object", native.objectName(handle));
    this.btf = new Btf(
      checked<Uint8Array>(
        `read BTF of object ${this.name}`,
        native.objectBtf(handle),
        "compile it with -g",
      ),
    );
    const maps = checked<NativeObjectMap[]>("list maps", native.objectMaps(handle));
    this.#maps = new Map(maps.map((map) => [sectionOf(map) ?? map.name, map]));
    const programs = checked<NativeObjectProgram[]>("list programs", native.objectPrograms(handle));
    this.#programs = new Map(programs.map((program) => [program.name, program]));
    this.#globals = new Globals(this.btf, (section) => this.map(section));
  }

  /**
   * From a file or its bytes; nothing is in the kernel yet.
   * Throws BpfError: ENOENT for no such file, or for a setting, map or program the object has not.
   */
  static open(source: string | Uint8Array, options: OpenOptions = {}): BpfObject {
    const { name, logLevel = 0, logBytes = 65_536 } = options;
    const what = typeof source === "string" ? source : (name ?? "from bytes");
    const handle = native.objectOpen(source, name, logLevel, logBytes);
    const object = new BpfObject(checked<Handle>(`open object ${what}`, handle));
    try {
      object.#configure(options);
    } catch (error) {
      object.close();
      throw error;
    }
    return object;
  }

  get loaded(): boolean {
    return this.#loaded;
  }

  /** What libbpf said at open and load. */
  get log(): string {
    return this.#log;
  }

  get mapNames(): string[] {
    return [...this.#maps.keys()];
  }

  get programNames(): string[] {
    return [...this.#programs.keys()];
  }

  /** .data and .bss by variable, to read and write; .rodata to read. */
  get globals(): Globals {
    this.#mustBeLoaded("globals");
    return this.#globals;
  }

  /** Throws BpfError with `verifierLog` when the kernel refuses. An object is loaded once, also when that failed. */
  load(): this {
    checked(`load object ${this.name}`, native.objectLoad(this[handleOf]));
    this.#log += native.takeLog();
    this.#loaded = true;
    for (const map of this.#reused.values()) map.close();
    this.#reused.clear();
    this.#pinAll();
    return this;
  }

  /** After load(); the same object at every call. Throws BpfError ENOENT for an unknown name. */
  map(name: string): BpfMap {
    this.#mustBeLoaded(`map ${name}`);
    const open = this.#openMaps.get(name);
    if (open) return open;
    const described = this.#describedMap(name);
    const handle = checked<Handle>(
      `map ${name} of ${this.name}`,
      native.objectMap(this[handleOf], name),
    );
    const map = new BpfMap(handle, name, this.#types(described));
    this.#openMaps.set(name, map);
    return map;
  }

  /** After load(); the same object at every call. Throws BpfError ENOENT for an unknown name or one not loaded. */
  program(name: string): BpfProgram {
    this.#mustBeLoaded(`program ${name}`);
    const open = this.#openPrograms.get(name);
    if (open) return open;
    const described = this.#describedProgram(name);
    const handle = checked<Handle>(
      `program ${name} of ${this.name}`,
      native.objectProgram(this[handleOf], name),
      described.autoload ? undefined : "it was not loaded: see autoload",
    );
    const program = new BpfProgram(handle, described);
    this.#openPrograms.set(name, program);
    return program;
  }

  /** A new map that fits into the map of maps `outerName`; the caller closes it. */
  createInner(outerName: string, options: { maxEntries?: number; name?: string } = {}): BpfMap {
    this.#mustBeLoaded(`inner map of ${outerName}`);
    const { inner } = this.#describedMap(outerName);
    if (!inner) {
      throw refusal(
        `inner map of ${outerName}`,
        "EINVAL",
        "it declares no inner map: __array(values, ...) is missing",
      );
    }
    const { keySize, valueSize, flags } = inner;
    const { maxEntries = inner.maxEntries, name = outerName.slice(0, 15) } = options;
    const shape = { type: mapType.name(inner.type), keySize, valueSize, flags, maxEntries, name };
    return createMap(shape, { ...this.#types(inner), btfId: this.#btfId() });
  }

  override close(): void {
    this.#globals[Symbol.dispose]();
    for (const open of [
      ...this.#openMaps.values(),
      ...this.#openPrograms.values(),
      ...this.#reused.values(),
    ]) {
      open.close();
    }
    super.close();
  }

  /** All or none: a pin that fails takes back those before it. */
  #pinAll(): void {
    const done: string[] = [];
    try {
      for (const [name, path] of this.#toPin) {
        this.map(name).pin(path);
        done.push(path);
      }
    } catch (error) {
      for (const path of done) native.unpin(path);
      throw error;
    }
  }

  #configure(options: OpenOptions): void {
    applySettings(this[handleOf], this.btf, options.settings ?? {});
    for (const [name, config] of Object.entries(options.maps ?? {}))
      this.#configureMap(name, config);
    for (const [name, { autoload }] of Object.entries(options.programs ?? {})) {
      const described = this.#describedProgram(name);
      if (autoload === undefined) continue;
      checked(`autoload of ${name}`, native.objectSetAutoload(this[handleOf], name, autoload));
      described.autoload = autoload;
    }
  }

  #configureMap(name: string, config: MapConfig): void {
    const described = this.#describedMap(name);
    if (config.maxEntries !== undefined) {
      checked(
        `size map ${name}`,
        native.objectConfigureMap(this[handleOf], name, config.maxEntries),
      );
      const resized = checked<NativeObjectMap[]>("list maps", native.objectMaps(this[handleOf]));
      described.maxEntries =
        resized.find((map) => map.name === described.name)?.maxEntries ?? config.maxEntries;
    }
    if (config.pinnedAt === undefined) return;
    const pinned = reusable(config.pinnedAt, described, config.onIncompatible ?? "fail");
    if (pinned) {
      this.#reused.set(name, pinned);
      checked(`reuse map ${name}`, native.objectReuseMap(this[handleOf], name, pinned[handleOf]));
    } else {
      this.#toPin.set(name, config.pinnedAt);
    }
  }

  #types(described: NativeObjectMap): MapTypes {
    return {
      btf: this.btf,
      keyTypeId: described.keyTypeId,
      valueTypeId: described.valueTypeId,
      btfId: 0,
    };
  }

  /** The kernel's id of the object's BTF: any of its maps that was created with it knows. */
  #btfId(): number {
    for (const name of this.#declaredMaps()) {
      const { btfId } = this.map(name);
      if (btfId) return btfId;
    }
    return 0;
  }

  #declaredMaps(): string[] {
    return this.mapNames.filter((name) => !this.#maps.get(name)?.internal);
  }

  #describedMap(name: string): NativeObjectMap {
    const described = this.#maps.get(name);
    if (!described)
      throw refusal(`map ${name}`, "ENOENT", `object ${this.name} has ${this.mapNames.join(", ")}`);
    return described;
  }

  #describedProgram(name: string): NativeObjectProgram {
    const described = this.#programs.get(name);
    if (!described) {
      throw refusal(
        `program ${name}`,
        "ENOENT",
        `object ${this.name} has ${this.programNames.join(", ")}`,
      );
    }
    return described;
  }

  #mustBeLoaded(what: string): void {
    if (this.closed) throw refusal(what, "EBADF", `object ${this.name} is closed`);
    if (!this.#loaded) throw refusal(what, "EAGAIN", `object ${this.name} is not loaded yet`);
  }
}

/** libbpf names a section's map after the object too ("flows.bss"); here it is the section. */
function sectionOf(map: NativeObjectMap): string | undefined {
  return map.internal ? /\.(?:rodata|data|bss|kconfig).*$/.exec(map.name)?.[0] : undefined;
}
