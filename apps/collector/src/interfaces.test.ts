import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RunState } from "@weir/identity";
import { BpfError } from "libbpf-ts";
import { collectorConfig } from "./config.ts";
import { wantedInterfaces } from "./interfaces.ts";

const config = collectorConfig.parse({ node: "n1", interfaces: "none" });

/** A node in that namespace, with one pod. */
function stateIn(netns: string): RunState {
  const pod = { namespace: "shop", pod: "cart", uid: "1", interface: "veth7", ifindex: 7 };
  return {
    nodes: [{ node: "n1", addresses: [], netns }],
    endpoints: [{ node: "n1", addresses: [], ...pod }],
  } as unknown as RunState;
}

describe("the interfaces of a node's pods", () => {
  const directory = mkdtempSync(join(tmpdir(), "weir-interfaces-"));
  afterAll(() => rmSync(directory, { recursive: true }));

  it("are missing where the namespace is gone", () => {
    expect(wantedInterfaces(config, stateIn(join(directory, "gone")))).toEqual({
      interfaces: [],
      missing: ["veth7 (shop/cart)"],
    });
  });

  it("are not taken for gone where the namespace is there and cannot be looked into", () => {
    const netns = join(directory, "no-namespace");
    writeFileSync(netns, "");
    expect(() => wantedInterfaces(config, stateIn(netns))).toThrow(BpfError);
  });
});
