import { describe, expect, it } from "@jest/globals";
import { Remembered } from "./remembered.ts";

describe("what is remembered", () => {
  it("is asked once, also by those who come before the answer", async () => {
    const remembered = new Remembered(10, () => undefined);
    let asked = 0;
    const ask = () =>
      remembered.once(
        "a",
        async () => ++asked,
        () => 60_000,
      );
    expect(await Promise.all([ask(), ask()])).toEqual([1, 1]);
    expect(await ask()).toBe(1);
  });

  it("is asked again when its time is over, and after a failure", async () => {
    const remembered = new Remembered(10, () => undefined);
    let asked = 0;
    const ask = () =>
      remembered.once(
        "a",
        async () => ++asked,
        () => 0,
      );
    expect([await ask(), await ask()]).toEqual([1, 2]);
    const fail = () =>
      remembered.once(
        "b",
        async () => Promise.reject(new Error(`${++asked}`)),
        () => 60_000,
      );
    await expect(fail()).rejects.toThrow("3");
    await expect(fail()).rejects.toThrow("4");
  });

  it("has a bound", async () => {
    let forgotten = 0;
    const remembered = new Remembered(2, () => void forgotten++);
    const asked: string[] = [];
    const ask = (key: string) =>
      remembered.once(
        key,
        async () => void asked.push(key),
        () => 60_000,
      );
    for (const key of ["a", "b", "c", "c", "a"]) await ask(key);
    expect(asked).toEqual(["a", "b", "c", "a"]);
    expect(forgotten).toBe(2);
  });
});
