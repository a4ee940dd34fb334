import { unboundedFields } from "@weir/runtime";
import { collectorConfig } from "./config.ts";
import { pinDirectoryOf } from "./pins.ts";

describe("the collector's settings", () => {
  it("are all bounded", () => {
    expect(unboundedFields(collectorConfig)).toEqual([]);
  });

  it("have defaults for everything", () => {
    const config = collectorConfig.parse({ node: "node-1.example" });
    expect(config).toMatchObject({ sweepIntervalMs: 1000, flowsMaxEntries: 65_536 });
    // bpffs takes no dots.
    expect(pinDirectoryOf(config)).toBe("/sys/fs/bpf/weir/node-1_example");
  });

  it("take each of its own defaults when it is given", () => {
    const defaults = collectorConfig.parse({ node: "n" });
    expect(collectorConfig.parse(defaults)).toEqual(defaults);
    expect(collectorConfig.parse({ spoolMaxBytes: 2 ** 35 }).spoolMaxBytes).toBe(2 ** 35);
  });

  it.each([
    ["a node that is no name", { node: "../../etc" }],
    ["a pin directory elsewhere", { pinDirectory: "/tmp/x" }],
    ["a ring that is no power of 2", { ringBytes: 5000 }],
  ])("refuse %s", (_name, given) => {
    expect(collectorConfig.safeParse({ node: "n", ...given }).success).toBe(false);
  });
});
