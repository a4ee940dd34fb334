import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseAddress } from "@weir/codec";
import { silentLog } from "@weir/runtime";
import { followNetworkList } from "./network-list.ts";
import type { NetworkList } from "./network-list.ts";

describe("the list of networks", () => {
  const folder = mkdtempSync(join(tmpdir(), "weir-networks-"));
  const path = join(folder, "networks");
  const follow = (): NetworkList => followNetworkList(path, { log: silentLog(), rereadMs: 10 });
  const put = (text: string): void => {
    writeFileSync(`${path}.new`, text);
    renameSync(`${path}.new`, path);
  };
  const name = (list: NetworkList): string | undefined =>
    list.current.find(parseAddress("203.0.113.9"))?.name;

  afterAll(() => rmSync(folder, { recursive: true }));

  it("is the file as it is, and the one before where that cannot be read", async () => {
    put("203.0.113.0/24 bank");
    const list = follow();
    try {
      expect(name(list)).toBe("bank");
      put("203.0.113.0/24 another bank");
      while (name(list) === "bank") await sleep(5);
      expect(name(list)).toBe("another bank");
      put("203.0.113.0/24");
      await sleep(50);
      rmSync(path);
      await sleep(50);
      expect(name(list)).toBe("another bank");
      put("203.0.0.0/16 all of them");
      while (name(list) === "another bank") await sleep(5);
      expect(name(list)).toBe("all of them");
    } finally {
      list.close();
    }
  });

  it("has to be right at the start, and is not needed", () => {
    put("203.0.113.0/24 bank\n203.0.113.0/99 x");
    expect(follow).toThrow(`${path}: line 2`);
    rmSync(path, { force: true });
    expect(follow).toThrow("ENOENT");
    expect(followNetworkList(undefined, { log: silentLog(), rereadMs: 10 }).current.size).toBe(0);
  });
});
