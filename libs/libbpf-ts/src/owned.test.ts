import { once } from "node:events";
import { readdirSync, readlinkSync } from "node:fs";
import { setImmediate as tick } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Worker } from "node:worker_threads";
import { describe, expect, it } from "@jest/globals";
import { Namespace, objectPath } from "../test/bed.ts";
import { attachIterator } from "./iterator.ts";
import { BpfMap } from "./map.ts";
import type { Native } from "./native.ts";
import { native } from "./native.ts";
import { BpfObject } from "./object.ts";
import type { Owned } from "./owned.ts";
import { handleOf } from "./owned.ts";
import { RingReader } from "./ring.ts";
import { attachTcx } from "./tcx.ts";
import { testRun } from "./test_run.ts";

const closed = expect.objectContaining({ code: "EBADF" });

/** They ask for nothing, or their arguments are numbers that mean something. */
const takesAnything = new Set([
  "takeLog",
  "possibleCpus",
  "probeTcx",
  "handleIsOpen",
  "probeProgram",
  "probeMap",
  "probeHelper",
  "btfById",
]);

/** File descriptors of this process that are BPF objects. */
function bpfDescriptors(): number {
  return readdirSync("/proc/self/fd").filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).includes("bpf");
    } catch {
      return false;
    }
  }).length;
}

describe("what is owned", () => {
  it("is an error after close, never a crash", () => {
    using namespace = new Namespace();
    const object = BpfObject.open(objectPath("packets")).load();
    const map = object.map("counts");
    const program = object.program("pass_all");
    const inner = object.createInner("slots");
    const slots = object.map("slots");
    const link = attachTcx(program, { netns: namespace.path, ifindex: 1, direction: "ingress" });
    object.close();
    link.close();
    const uses: (() => unknown)[] = [
      () => map.lookup(new Uint8Array(8)),
      () => map.update(new Uint8Array(8), new Uint8Array(56)),
      () => [...map.entries()],
      () => map.pin("/sys/fs/bpf/never"),
      () => map.freeze(),
      () => slots.setInner(0, inner),
      () => new RingReader(map),
      () => program.info(),
      () => testRun(program, { dataIn: new Uint8Array(64) }),
      () => attachTcx(program, { netns: namespace.path, ifindex: 1, direction: "ingress" }),
      () => link.info(),
      () => link.update(program),
      () => link.detach(),
      () => object.load(),
      () => attachIterator(program, { map }),
    ];
    for (const use of uses) expect(use).toThrow(closed);
    inner.close();
    for (const owned of [object, map, program, link, inner]) {
      owned.close();
      expect(owned.closed).toBe(true);
    }
  });

  it("outlives its object where it was taken over before", () => {
    const object = BpfObject.open(objectPath("walk")).load();
    const { id } = object.map("entries");
    const link = attachIterator(object.program("report"), { map: object.map("entries") });
    object.close();
    {
      using still = BpfMap.fromId(id);
      expect(still.id).toBe(id);
      using reader = link.open();
      expect(reader.readInto(new Uint8Array(64))).toBe(0);
    }
    link.close();
  });

  it("leaves no descriptor when it is closed", () => {
    const before = bpfDescriptors();
    for (let round = 0; round < 20; round++) {
      using object = BpfObject.open(objectPath("packets")).load();
      using reader = new RingReader(object.map("records"));
      object.map("counts");
      object.globals.get("sequence");
      reader.drainInto(new Uint8Array(16), 16);
    }
    expect(() => BpfObject.open(objectPath("packets"), { settings: { nothing: 1 } })).toThrow(
      "ENOENT",
    );
    expect(bpfDescriptors()).toBe(before);
  });

  it("is closed by the garbage collector when it is forgotten", async () => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    const before = bpfDescriptors();
    for (let i = 0; i < 50; i++) {
      BpfMap.create({ type: "array", keySize: 4, valueSize: 8, maxEntries: 1 });
      BpfObject.open(objectPath("walk")).load().map("entries");
    }
    expect(bpfDescriptors()).toBeGreaterThan(before);
    for (let round = 0; round < 50 && bpfDescriptors() > before; round++) {
      collect();
      await tick();
    }
    expect(bpfDescriptors()).toBeLessThanOrEqual(before + 2);
  });

  it("the addon answers nonsense with EINVAL", () => {
    using map = BpfMap.create({ type: "array", keySize: 4, valueSize: 8, maxEntries: 1 });
    const nonsense = [
      undefined,
      null,
      1,
      -1,
      1.5,
      "x",
      {},
      [],
      new Uint8Array(1),
      new Float64Array(1),
      1n,
      map,
      NaN,
    ];
    for (const [name, call] of Object.entries(native) as [
      keyof Native,
      (...args: unknown[]) => unknown,
    ][]) {
      if (takesAnything.has(name)) continue;
      for (const value of nonsense) {
        const result = call(...Array.from({ length: 10 }, () => value));
        expect([name, value, Number(result) < 0]).toEqual([name, value, true]);
      }
      expect(call()).toBeLessThan(0);
    }
  });

  it("the addon answers a handle of another kind with an error", () => {
    using object = BpfObject.open(objectPath("walk")).load();
    using link = attachIterator(object.program("report"), { map: object.map("entries") });
    const accepted = (owned: Owned) =>
      (Object.entries(native) as [string, (...args: unknown[]) => unknown][])
        .filter(([name]) => !takesAnything.has(name) && name !== "handleClose")
        .filter(([, call]) => {
          const result = call(...Array.from({ length: 10 }, () => owned[handleOf]));
          return typeof result !== "number" || result >= 0;
        })
        .map(([name]) => name);
    expect(accepted(object)).toEqual(["objectName", "objectBtf", "objectMaps", "objectPrograms"]);
    expect(accepted(object.map("entries"))).toEqual(["mapFreeze", "mapInfo"]);
    expect(accepted(object.program("report"))).toEqual(["programInfo"]);
    expect(accepted(link)).toEqual(["iteratorOpen", "linkInfo"]);
  });

  it("goes with its worker thread", async () => {
    const before = bpfDescriptors();
    const worker = new Worker(new URL("../test/worker.ts", import.meta.url));
    const [report] = (await once(worker, "message")) as [{ retval: number; interfaces: string[] }];
    expect(report).toMatchObject({ retval: 0, interfaces: ["lo"] });
    expect(bpfDescriptors()).toBeGreaterThan(before);
    await worker.terminate();
    expect(bpfDescriptors()).toBe(before);
  });
});
