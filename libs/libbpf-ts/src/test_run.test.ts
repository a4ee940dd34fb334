import { describe, expect, it } from "@jest/globals";
import { objectPath } from "../test/bed.ts";
import { BpfObject } from "./object.ts";
import { testRun } from "./test_run.ts";

describe("test run", () => {
  it("gives the verdict, the packet and the time of each run", () => {
    using object = BpfObject.open(objectPath("packets"), { settings: { emit: false } }).load();
    const dataIn = Uint8Array.from({ length: 64 }, (_, i) => i);
    const result = testRun(object.program("count_ingress"), { dataIn, repeat: 1000 });
    expect(result.retval).toBe(2 ** 32 - 1);
    expect(result.dataOut).toEqual(dataIn);
    expect(result.durationNs).toBeGreaterThanOrEqual(0);
    const [entry] = [...object.map("counts").typed<unknown, { packets: bigint }>().entries()];
    expect(entry?.[1].packets).toBe(1000n);
  });

  it("takes a context instead of a packet where the program has one", () => {
    using object = BpfObject.open(objectPath("hooks"), {
      settings: { own_pid: process.pid },
    }).load();
    expect(testRun(object.program("on_fork"), { ctxIn: new Uint8Array(16) }).retval).toBe(0);
  });

  it("refuses a packet without an Ethernet header, and room that is too small", () => {
    using object = BpfObject.open(objectPath("packets")).load();
    const run = (bytes: number, room?: number) =>
      testRun(object.program("pass_all"), {
        dataIn: new Uint8Array(bytes),
        ...(room === undefined ? {} : { dataOutBytes: room }),
      });
    expect(() => run(3)).toThrow(expect.objectContaining({ code: "EINVAL" }));
    expect(() => run(64, 32)).toThrow(expect.objectContaining({ code: "ENOSPC" }));
  });
});
