import { spawn } from "node:child_process";
import { once } from "node:events";
import { setImmediate as tick } from "node:timers/promises";
import { describe, expect, it } from "@jest/globals";
import { Namespace, objectPath, udpScript } from "../test/bed.ts";
import { BpfObject } from "./object.ts";
import { RingReader } from "./ring.ts";
import { attachTcx } from "./tcx.ts";
import { testRun } from "./test_run.ts";

const recordBytes = 16;

interface Bed {
  object: BpfObject;
  reader: RingReader;
  /** One record per run; `first` is the packet's first byte. */
  produce: (count: number, first?: number) => void;
}

function bed(ringBytes: number = 4096): Bed {
  const object = BpfObject.open(objectPath("packets"), {
    maps: { records: { maxEntries: ringBytes } },
  }).load();
  return {
    object,
    reader: new RingReader(object.map("records")),
    produce: (count, first = 0) => {
      const dataIn = new Uint8Array(64);
      dataIn[0] = first;
      testRun(object.program("produce"), { dataIn, repeat: count });
    },
  };
}

function sequences(buffer: Uint8Array, count: number): number[] {
  const view = new DataView(buffer.buffer, buffer.byteOffset);
  return Array.from({ length: count }, (_, i) => Number(view.getBigUint64(i * recordBytes, true)));
}

describe("ring", () => {
  it("tells how far it has been read, to the next reader too", () => {
    const { object, reader, produce } = bed();
    using _object = object;
    const begun = reader.position;
    produce(3);
    expect(reader.position).toBe(begun);
    expect(reader.drainInto(new Uint8Array(2 * recordBytes), recordBytes)).toBe(2);
    const taken = BigInt(2 * (recordBytes + 8));
    expect(reader.position - begun).toBe(taken);
    reader.close();
    using next = new RingReader(object.map("records"));
    expect(next.position - begun).toBe(taken);
  });

  it("gives every record once, in order, bounded by the buffer", () => {
    const { reader, produce } = bed();
    const buffer = new Uint8Array(3 * recordBytes + 7);
    expect(reader.size).toBe(4096);
    expect(reader.drainInto(buffer, recordBytes)).toBe(0);
    produce(5);
    expect(reader.pendingBytes).toBe(5 * (recordBytes + 8));
    expect(reader.drainInto(buffer, recordBytes)).toBe(3);
    expect(sequences(buffer, 3)).toEqual([0, 1, 2]);
    expect(buffer.subarray(3 * recordBytes)).toEqual(new Uint8Array(7));
    expect(reader.drainInto(buffer, recordBytes)).toBe(2);
    expect(sequences(buffer, 2)).toEqual([3, 4]);
    expect(reader.drainInto(buffer, recordBytes)).toBe(0);
    expect(reader.pendingBytes).toBe(0);
  });

  it("goes round many times without losing one, records across the edge included", () => {
    const { reader, produce } = bed();
    const buffer = new Uint8Array(200 * recordBytes);
    let next = 0;
    for (let round = 0; round < 60; round++) {
      produce(101);
      const count = reader.drainInto(buffer, recordBytes);
      expect(sequences(buffer, count)).toEqual(Array.from({ length: 101 }, (_, i) => next + i));
      next += count;
    }
    expect(next).toBe(6060);
  });

  it("goes on after it was full", () => {
    const { object, reader, produce } = bed();
    const buffer = new Uint8Array(400 * recordBytes);
    produce(1000);
    const held = Math.floor(4096 / (recordBytes + 8));
    expect(object.globals.get("sequence")).toBe(BigInt(held));
    expect(reader.drainInto(buffer, recordBytes)).toBe(held);
    produce(2);
    expect(reader.drainInto(buffer, recordBytes)).toBe(2);
    expect(sequences(buffer, 2)).toEqual([held, held + 1]);
  });

  it("passes over discarded records and those of another length, and counts both", () => {
    const { object, reader, produce } = bed();
    const buffer = new Uint8Array(64 * recordBytes);
    produce(2, 0xff);
    testRun(object.program("produce_odd"), { dataIn: new Uint8Array(64) });
    produce(1);
    expect(reader.drainInto(buffer, recordBytes)).toBe(1);
    expect(sequences(buffer, 1)).toEqual([2]);
    expect(reader).toMatchObject({ discarded: 2, mismatched: 2, pendingBytes: 0 });
  });

  it("gives records of any length with their offsets", () => {
    const { object, reader, produce } = bed();
    produce(1);
    testRun(object.program("produce_odd"), { dataIn: new Uint8Array(64) });
    const offsets = new Uint32Array(8);
    const buffer = new Uint8Array(200);
    expect(reader.drainVariable(buffer, offsets)).toBe(3);
    expect([...offsets.subarray(0, 4)]).toEqual([0, 16, 21, 121]);
    expect([...buffer.subarray(16, 22)]).toEqual([1, 2, 3, 4, 5, 9]);
  });

  it("leaves a record that is too large for the buffer where it is", () => {
    const { object, reader } = bed();
    testRun(object.program("produce_odd"), { dataIn: new Uint8Array(64) });
    const offsets = new Uint32Array(8);
    expect(reader.drainVariable(new Uint8Array(50), offsets)).toBe(1);
    expect(() => reader.drainVariable(new Uint8Array(50), offsets)).toThrow(
      expect.objectContaining({ code: "ENOSPC" }),
    );
    expect(reader.drainVariable(new Uint8Array(100), new Uint32Array(2))).toBe(1);
  });

  it("loses nothing while another process makes records on another CPU", async () => {
    using namespace = new Namespace();
    // Room for all of it: however slow this process is, no record finds the ring full.
    const { object, reader } = bed(256 * 1024);
    const at = { netns: namespace.path, ifindex: 1, direction: "egress" } as const;
    using link = attachTcx(object.program("count_egress"), at);
    const args = [`--net=${namespace.path}`, process.execPath, "-e", udpScript(2000, "127.0.0.1")];
    const sender = spawn("nsenter", args, { stdio: "ignore" });
    const exited = once(sender, "exit");
    const buffer = new Uint8Array(40 * recordBytes);
    const seen = new Set<number>();
    let taken = 0;
    const drain = () => {
      for (
        let count = reader.drainInto(buffer, recordBytes);
        count > 0;
        count = reader.drainInto(buffer, recordBytes)
      ) {
        taken += count;
        for (const sequence of sequences(buffer, count)) seen.add(sequence);
      }
    };
    while (sender.exitCode === null) {
      drain();
      await tick();
    }
    expect(await exited).toEqual([0, null]);
    link.close();
    drain();
    // A number is given to each record that found room: none is missing, none came twice.
    expect(object.globals.get("sequence")).toBe(BigInt(taken));
    expect(seen.size).toBe(taken);
    expect(taken).toBeGreaterThanOrEqual(2000);
  });

  it("refuses buffers that hold nothing, and maps that are no rings", () => {
    const { object, reader } = bed();
    const short = expect.objectContaining({ code: "EMSGSIZE" });
    expect(() => reader.drainInto(new Uint8Array(15), recordBytes)).toThrow(short);
    expect(() => reader.drainInto(new Uint8Array(15), 0)).toThrow(short);
    expect(() => reader.drainVariable(new Uint8Array(15), new Uint32Array(1))).toThrow(short);
    expect(() => new RingReader(object.map("counts"))).toThrow("only maps of type ringbuf");
  });

  it("outlives its object and is an error after close", () => {
    const { object, reader, produce } = bed();
    produce(1);
    object.close();
    expect(reader.drainInto(new Uint8Array(64), recordBytes)).toBe(1);
    reader.close();
    const closed = expect.objectContaining({ code: "EBADF" });
    expect(() => reader.drainInto(new Uint8Array(64), recordBytes)).toThrow(closed);
    expect(() => reader.pendingBytes).toThrow(closed);
  });
});
