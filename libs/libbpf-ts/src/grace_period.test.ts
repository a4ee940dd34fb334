import { describe, expect, it } from "@jest/globals";
import { waitForPrograms } from "./grace_period.ts";
import { BpfMap } from "./map.ts";

const shape = { keySize: 4, valueSize: 4, maxEntries: 1 };

function slots(): { outer: BpfMap; inner: BpfMap } {
  const inner = BpfMap.create({ ...shape, type: "array" });
  return { inner, outer: BpfMap.create({ ...shape, type: "array_of_maps", like: inner }) };
}

describe("waiting for programs", () => {
  it("leaves the event loop free, and ends", async () => {
    let turns = 0;
    let isOver = false;
    const turn = (): void => {
      turns++;
      if (!isOver) setImmediate(turn);
    };
    setImmediate(turn);
    await waitForPrograms();
    isOver = true;
    expect(turns).toBeGreaterThan(0);
  });

  it("is shared by those who come while one waits, and not with the wait that had begun", async () => {
    const ended: string[] = [];
    const first = waitForPrograms().then(() => ended.push("first"));
    const second = waitForPrograms();
    expect(waitForPrograms()).toBe(second);
    await Promise.all([first, second.then(() => ended.push("second"))]);
    expect(ended).toEqual(["first", "second"]);
    expect(waitForPrograms()).not.toBe(second);
    await waitForPrograms();
  });
});

describe("an inner map that is put in place on another thread", () => {
  it("is there when that has ended, also when both handles were closed meanwhile", async () => {
    const { outer, inner } = slots();
    using again = BpfMap.fromId(outer.id);
    const set = outer.setInnerAsync(0, inner);
    const { id } = inner;
    outer.close();
    inner.close();
    await set;
    expect(again.innerId(0)).toBe(id);
  });

  it("throws what the kernel says", async () => {
    const { outer, inner } = slots();
    using unlike = BpfMap.create({ ...shape, valueSize: 8, type: "array" });
    await expect(outer.setInnerAsync(0, unlike)).rejects.toMatchObject({ code: "EINVAL" });
    await expect(outer.setInnerAsync(1, inner)).rejects.toMatchObject({ code: "E2BIG" });
    await expect(outer.setInnerAsync(Uint8Array.of(1), inner)).rejects.toMatchObject({
      code: "EMSGSIZE",
    });
    inner.close();
    await expect(outer.setInnerAsync(0, inner)).rejects.toMatchObject({ code: "EBADF" });
    outer.close();
  });
});
