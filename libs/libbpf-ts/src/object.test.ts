import { readFileSync } from "node:fs";
import { describe, expect, it } from "@jest/globals";
import { objectPath } from "../test/bed.ts";
import { BpfError } from "./error.ts";
import { BpfObject } from "./object.ts";
import { testRun } from "./test_run.ts";

const packet = { dataIn: new Uint8Array(64) };

function caught(run: () => unknown): BpfError {
  try {
    run();
  } catch (error) {
    if (error instanceof BpfError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

describe("object", () => {
  it("loads from a file and from its bytes", () => {
    const path = objectPath("packets");
    using fromFile = BpfObject.open(path);
    using fromBytes = BpfObject.open(readFileSync(path), { name: "frombytes" });
    expect(fromFile.name).toBe("packets");
    expect(fromBytes.name).toBe("frombytes");
    for (const object of [fromFile, fromBytes]) {
      expect(object.loaded).toBe(false);
      expect(object.load().loaded).toBe(true);
      expect(object.mapNames).toEqual(
        expect.arrayContaining(["counts", "records", "slots", ".rodata", ".bss"]),
      );
      expect(testRun(object.program("pass_all"), packet).retval).toBe(0);
      expect(testRun(object.program("drop_all"), packet).retval).toBe(2);
    }
  });

  it("gives the same map and program at every call", () => {
    using object = BpfObject.open(objectPath("packets")).load();
    expect(object.map("counts")).toBe(object.map("counts"));
    expect(object.program("pass_all")).toBe(object.program("pass_all"));
    expect(object.program("pass_all")).toMatchObject({
      name: "pass_all",
      type: "sched_cls",
      section: "tc",
    });
    expect(object.program("pass_all").info().instructions).toBeGreaterThan(1);
  });

  it("loads only the programs it should", () => {
    using object = BpfObject.open(objectPath("packets"), {
      programs: { drop_all: { autoload: false } },
    }).load();
    expect(object.program("pass_all").id).toBeGreaterThan(0);
    expect(() => object.program("drop_all")).toThrow("it was not loaded");
  });

  it("throws what the verifier said, and nothing of it goes to stderr", () => {
    using object = BpfObject.open(objectPath("refused"));
    const error = caught(() => object.load());
    expect(error.code).toBe("EACCES");
    expect(error.operation).toBe("load object refused");
    expect(error.verifierLog).toContain("R0 invalid mem access 'map_value_or_null'");
    expect(error.verifierLog).not.toContain("BEGIN PROG LOAD LOG");
    expect(error.message).toContain("invalid mem access");
    expect(error.log).toContain("failed to load");
  });

  it("bounds the log and keeps its end", () => {
    using object = BpfObject.open(objectPath("refused"), { logBytes: 400, logLevel: 2 });
    const error = caught(() => object.load());
    expect(error.log.length).toBeLessThanOrEqual(400);
    expect(error.log).toContain("failed to load object");
  });

  it("keeps the verifier's log of a program that passed when asked to", () => {
    using object = BpfObject.open(objectPath("walk"), { logLevel: 1 });
    expect(object.load().log).toContain("processed ");
  });

  it("says what an unknown name could have been", () => {
    expect(caught(() => BpfObject.open("/nonexistent.bpf.o")).code).toBe("ENOENT");
    const path = objectPath("walk");
    const unknownMap = caught(() => BpfObject.open(path, { maps: { nothing: { maxEntries: 1 } } }));
    expect(unknownMap).toMatchObject({
      code: "ENOENT",
      message: expect.stringContaining("entries, others"),
    });
    expect(caught(() => BpfObject.open(path, { programs: { nothing: {} } })).message).toContain(
      "report",
    );
    using object = BpfObject.open(path).load();
    expect(caught(() => object.map("nothing")).message).toContain("entries, others");
    expect(caught(() => object.program("nothing")).code).toBe("ENOENT");
    expect(caught(() => object.createInner("entries")).code).toBe("EINVAL");
  });

  it("refuses bytes that are no object", () => {
    expect(caught(() => BpfObject.open(new TextEncoder().encode("not an ELF file"))).log).toContain(
      "libbpf",
    );
    expect(() => BpfObject.open(new Uint8Array(0))).toThrow(BpfError);
  });

  it("refuses what comes too early, twice or too late", () => {
    const object = BpfObject.open(objectPath("walk"));
    expect(caught(() => object.map("entries")).code).toBe("EAGAIN");
    object.load();
    expect(caught(() => object.load()).code).toBe("EBUSY");
    object.close();
    object.close();
    expect(caught(() => object.map("entries")).code).toBe("EBADF");
    expect(caught(() => object.globals).code).toBe("EBADF");
    expect(caught(() => object.load()).code).toBe("EBADF");
  });

  it("sizes maps", () => {
    using object = BpfObject.open(objectPath("packets"), {
      maps: { counts: { maxEntries: 7 } },
    }).load();
    expect(object.map("counts").maxEntries).toBe(7);
  });
});
