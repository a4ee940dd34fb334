import type { Choices } from "../testing/choices.ts";
import { exampleCount, holdsForAll } from "../testing/choices.ts";
import type { Numbered } from "./numbering.ts";
import { hashOfSum, hashText, IdSpace } from "./numbering.ts";

function item(name: string, hash = hashOfSum(hashText(name))): Numbered {
  return { hash, id: 0, meaning: () => name };
}

function idsOf(items: Iterable<Numbered>): Record<string, number> {
  return Object.fromEntries([...items].map((one) => [one.meaning(), one.id]));
}

describe("IdSpace", () => {
  it("gives each of many its own id, within bounds", () => {
    const space = new IdSpace<Numbered>(16);
    const items = Array.from({ length: 100_000 }, (_, index) => item(`key ${index}`));
    for (const one of items) space.add(one);
    const ids = items.map((one) => one.id);
    expect(new Set(ids).size).toBe(items.length);
    expect(ids.every((id) => id >= 16 && id < 2 ** 31)).toBe(true);
  });

  it("tells who moved, and refuses what does not fit", () => {
    const space = new IdSpace<Numbered>(1, 3);
    const a = item("a", 5);
    const b = item("b", 5);
    const c = item("c", 5);
    expect(space.add(c)).toEqual([]);
    expect(space.add(a)).toEqual([c]);
    expect(space.add(b)).toEqual([c]);
    expect([a.id, b.id, c.id]).toEqual([3, 1, 2]);
    expect(() => space.add(item("d"))).toThrow(RangeError);
    expect(space.remove(a)).toEqual([b, c]);
    expect([b.id, c.id]).toEqual([3, 1]);
  });

  it("does not depend on history", () => {
    const check = (choices: Choices): string | undefined => {
      const first = choices.below(3);
      const last = first + 7 + choices.below(20);
      const space = new IdSpace<Numbered>(first, last);
      const here = new Map<string, Numbered>();
      for (const name of choices.list(1, 60, () => String.fromCharCode(97 + choices.below(26)))) {
        const known = here.get(name);
        if (known !== undefined) {
          space.remove(known);
          here.delete(name);
        } else if (here.size < last - first) {
          const fresh = item(name, hashText(name) % 8);
          space.add(fresh);
          here.set(name, fresh);
        }
        const anew = new IdSpace<Numbered>(first, last);
        const others = [...here.values()].map((one) => item(one.meaning(), one.hash));
        for (const one of others.sort((a, b) => (a.meaning() < b.meaning() ? -1 : 1)))
          anew.add(one);
        const [ids, expected] = [idsOf(here.values()), idsOf(others)];
        for (const key of Object.keys(expected)) {
          if (ids[key] !== expected[key]) return JSON.stringify({ key, ids, expected });
        }
      }
      return undefined;
    };
    holdsForAll("ids do not depend on history", exampleCount(200), check);
  });
});
