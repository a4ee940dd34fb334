import { spoolDirectoryOf } from "./node-spool.ts";

describe("where a node's spool lies", () => {
  const before = process.env["XDG_STATE_HOME"];
  afterEach(() => {
    if (before === undefined) delete process.env["XDG_STATE_HOME"];
    else process.env["XDG_STATE_HOME"] = before;
  });

  function placeOf(state: string | undefined, runDirectory = "/run/weir"): string {
    if (state === undefined) delete process.env["XDG_STATE_HOME"];
    else process.env["XDG_STATE_HOME"] = state;
    return spoolDirectoryOf({ node: "n1", runDirectory });
  }

  it("is on a disk, that blocks outlast a reboot", () => {
    expect(placeOf(undefined)).toBe("/var/lib/weir/spool/n1");
    expect(placeOf("/home/x/state")).toBe("/home/x/state/weir/spool/n1");
    // The specification has relative paths ignored.
    expect(placeOf("state")).toBe("/var/lib/weir/spool/n1");
  });

  it("is with a trial's own run directory, and where it is asked for", () => {
    expect(placeOf("/home/x/state", "/run/weir-trial")).toBe("/run/weir-trial/spool/n1");
    const asked = { node: "n1", runDirectory: "/run/weir", spoolDirectory: "/data/spool" };
    expect(spoolDirectoryOf(asked)).toBe("/data/spool/n1");
  });
});
