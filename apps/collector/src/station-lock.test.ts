import { NodeTaken, takeStationLock } from "./station-lock.ts";

const pins = (name: string): string => `/sys/fs/bpf/test-${process.pid}-${name}`;

describe("the lock of a node", () => {
  it("is for one at a time, and names who has it", async () => {
    const held = await takeStationLock(pins("a"));
    await expect(takeStationLock(pins("a"))).rejects.toThrow(NodeTaken);
    await expect(takeStationLock(pins("a"))).rejects.toThrow(`process ${process.pid}`);
    held[Symbol.dispose]();
  });

  it("is free again when it is let go", async () => {
    for (let turn = 0; turn < 3; turn++) (await takeStationLock(pins("b")))[Symbol.dispose]();
  });

  it("of another node is another one", async () => {
    using _one = await takeStationLock(pins("c"));
    using _other = await takeStationLock(pins("d"));
  });
});
