/** The addon's own face. Everything returns a negative errno where it failed; see native/addon.h. */
import { constants } from "node:os";
import { fileURLToPath } from "node:url";

declare const brand: unique symbol;

/** An external that owns a kernel reference. */
export interface Handle {
  readonly [brand]: true;
}

/** Of `pin`, `getPinned` and `getById`; the values are those of native/addon.h. */
export const HANDLE_MAP = 0x6d617031;
export const HANDLE_PROGRAM = 0x70726731;
export const HANDLE_LINK = 0x6c6e6b31;

export interface NativeMap {
  name: string;
  type: number;
  keySize: number;
  valueSize: number;
  maxEntries: number;
  flags: number;
  keyTypeId: number;
  valueTypeId: number;
}

export interface NativeObjectMap extends NativeMap {
  internal: boolean;
  inner?: NativeObjectMap;
}

export interface NativeMapInfo extends NativeMap {
  id: number;
  btfId: number;
  valueBytes: number;
}

export interface NativeObjectProgram {
  name: string;
  section: string;
  type: number;
  attachType: number;
  autoload: boolean;
}

export interface NativeProgramInfo {
  id: number;
  type: number;
  name: string;
  btfId: number;
  instructions: number;
  verifiedInstructions: number;
  runCount: bigint;
  runTimeNs: bigint;
}

export interface NativeLinkInfo {
  id: number;
  type: number;
  programId: number;
  ifindex?: number;
  attachType?: number;
  cgroupId?: bigint;
}

export interface NativeFilter {
  programId: number;
  handle: number;
  priority: number;
}

export interface NativeTestRun {
  retval: number;
  durationNs: number;
  dataBytes: number;
  ctxBytes: number;
}

type Bytes = Uint8Array;
type Optional<T> = T | undefined;

export interface Native {
  handleClose(handle: Handle): number;
  handleIsOpen(handle: Handle): number;
  takeLog(): string;

  objectOpen(
    source: string | Bytes,
    name: Optional<string>,
    logLevel: number,
    logBytes: number,
  ): Handle | number;
  objectName(object: Handle): string | number;
  objectBtf(object: Handle): Bytes | number;
  objectMaps(object: Handle): NativeObjectMap[] | number;
  objectPrograms(object: Handle): NativeObjectProgram[] | number;
  objectConfigureMap(object: Handle, map: string, maxEntries: number): number;
  objectReuseMap(object: Handle, map: string, pinned: Handle): number;
  objectSetAutoload(object: Handle, program: string, autoload: boolean): number;
  objectSetInitial(object: Handle, map: string, offset: number, bytes: Bytes): number;
  objectLoad(object: Handle): number;
  objectMap(object: Handle, name: string): Handle | number;
  objectProgram(object: Handle, name: string): Handle | number;

  mapCreate(
    type: number,
    keySize: number,
    valueSize: number,
    maxEntries: number,
    flags: number,
    name: string,
    inner: Optional<Handle>,
    btfId: Optional<number>,
    keyTypeId: number,
    valueTypeId: number,
  ): Handle | number;
  mapLookup(map: Handle, key: Bytes, out: Bytes): number;
  mapUpdate(map: Handle, key: Bytes, value: Bytes, flags: number): number;
  mapDelete(map: Handle, key: Bytes): number;
  mapLookupAndDelete(map: Handle, key: Bytes, out: Bytes): number;
  mapNextKey(map: Handle, key: Optional<Bytes>, next: Bytes): number;
  mapSetInner(outer: Handle, key: Bytes, inner: Handle): number;
  mapSetInnerAsync(outer: Handle, key: Bytes, inner: Handle): Promise<number> | number;
  mapFreeze(map: Handle): number;
  /** The count, plus 2^32 when the end was reached. */
  mapLookupBatch(
    map: Handle,
    from: Optional<Bytes>,
    to: Bytes,
    keys: Bytes,
    values: Bytes,
    take: boolean,
  ): number;
  /** The count, or -errno - 4096 * done. */
  mapUpdateBatch(map: Handle, keys: Bytes, values: Bytes, count: number, flags: number): number;
  mapDeleteBatch(map: Handle, keys: Bytes, count: number): number;

  mapMemory(map: Handle): ArrayBuffer | number;
  mappingOpen(map: Handle, writable: boolean): Handle | number;
  mappingRead(mapping: Handle, offset: number, out: Bytes): number;
  mappingWrite(mapping: Handle, offset: number, bytes: Bytes): number;

  ringOpen(map: Handle): Handle | number;
  ringDrain(ring: Handle, buffer: Bytes, recordBytes: number): number;
  ringDrainVariable(ring: Handle, buffer: Bytes, offsets: Uint32Array): number;
  ringState(ring: Handle, out: Bytes): number;

  linkTcx(
    program: Handle,
    netns: string,
    ifindex: number,
    attachType: number,
    flags: number,
    relative: Optional<Handle>,
  ): Handle | number;
  linkCreate(
    program: Handle,
    netns: string,
    target: number,
    attachType: number,
    flags: number,
  ): Handle | number;
  linkRawTracepoint(program: Handle, name: string): Handle | number;
  linkIterator(program: Handle, map: Optional<Handle>): Handle | number;
  linkPerf(
    program: Handle,
    type: number,
    config: bigint,
    path: string,
    offset: bigint,
    pid: number,
    cookie: bigint,
  ): Handle | number;
  tracepointId(name: string): number;
  linkUpdate(link: Handle, program: Handle, expected: Optional<Handle>): number;
  linkDetach(link: Handle): number;
  iteratorOpen(link: Handle): Handle | number;
  iteratorRead(iterator: Handle, buffer: Bytes): number;
  iteratorReadAsync(iterator: Handle, buffer: Bytes): Promise<number> | number;

  clsactAttach(
    program: Handle,
    netns: string,
    ifindex: number,
    direction: number,
    handle: number,
    priority: number,
    replace: boolean,
  ): NativeFilter | number;
  clsactDetach(
    netns: string,
    ifindex: number,
    direction: number,
    handle: number,
    priority: number,
  ): number;
  clsactQuery(
    netns: string,
    ifindex: number,
    direction: number,
    handle: number,
    priority: number,
  ): NativeFilter | number;

  pin(kind: number, handle: Handle, path: string): number;
  unpin(path: string): number;
  getPinned(kind: number, path: string): Handle | number;
  getById(kind: number, id: number): Handle | number;
  mapInfo(map: Handle): NativeMapInfo | number;
  programInfo(program: Handle): NativeProgramInfo | number;
  linkInfo(link: Handle): NativeLinkInfo | number;

  btfRead(path: string): Bytes | number;
  btfById(id: number): Bytes | number;

  interfaceIndex(netns: string, name: string): number;
  interfaceList(netns: string): { ifindex: number; name: string }[] | number;
  possibleCpus(): number;
  testRun(
    program: Handle,
    dataIn: Optional<Bytes>,
    dataOut: Optional<Bytes>,
    ctxIn: Optional<Bytes>,
    ctxOut: Optional<Bytes>,
    repeat: number,
    flags: number,
  ): NativeTestRun | number;
  probeProgram(type: number): number;
  probeMap(type: number): number;
  probeHelper(type: number, helper: number): number;
  probeTcx(): number;
}

function load(): Native {
  const path = fileURLToPath(new URL("../build/libbpf.node", import.meta.url));
  const loaded = { exports: {} as Native };
  try {
    // Not by require: a test runner's require may look only where it is told to.
    process.dlopen(loaded, path, constants.dlopen.RTLD_NOW);
  } catch (cause) {
    throw new Error(`libbpf-ts: the addon does not load; build it with native/build.sh (${path})`, {
      cause,
    });
  }
  return loaded.exports;
}

export const native: Native = load();
