import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { missingPrivileges, neededCapabilities } from "./privileges.ts";

describe("the capabilities of a collector", () => {
  const runDirectory = mkdtempSync(join(tmpdir(), "privileges-"));
  const config = { node: "n1", runDirectory };
  const bits = { BPF: 39n, NET_ADMIN: 12n, PERFMON: 38n, SYS_ADMIN: 21n };
  const held = (...names: (keyof typeof bits)[]): bigint =>
    names.reduce((set, name) => set | (1n << bits[name]), 0n);
  afterAll(() => rmSync(runDirectory, { recursive: true, force: true }));

  it("are three on a machine that is a node", () => {
    expect(neededCapabilities(config)).toEqual(["BPF", "NET_ADMIN", "PERFMON"]);
    expect(missingPrivileges(config, held("BPF", "NET_ADMIN", "PERFMON"))).toBeUndefined();
  });

  it("are named where they are missing, with what for and what to add", () => {
    expect(missingPrivileges(config, held("PERFMON"))).toBe(
      [
        "CAP_BPF is missing: it is needed to load programs and make maps",
        "CAP_NET_ADMIN is missing: it is needed to attach programs to interfaces",
        "start the collector as root, or add to its capabilities: BPF, NET_ADMIN",
      ].join("\n"),
    );
  });

  it("are one more where the node lives in a namespace of its own", () => {
    mkdirSync(join(runDirectory, "nodes"));
    const file = join(runDirectory, "nodes/n1.json");
    writeFileSync(file, JSON.stringify({ node: "n1", netns: "/run/netns/n1", addresses: [] }));
    expect(neededCapabilities(config)).toContain("SYS_ADMIN");
    expect(missingPrivileges(config, held("BPF", "NET_ADMIN", "PERFMON"))).toMatch(
      /add to its capabilities: SYS_ADMIN$/,
    );
    writeFileSync(file, '{"node":');
    expect(neededCapabilities(config)).not.toContain("SYS_ADMIN");
  });
});
