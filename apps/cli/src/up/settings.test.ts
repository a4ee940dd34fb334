import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { interfacesOf, upSettings } from "./settings.ts";

describe("upSettings", () => {
  it("has the defaults that the command line promises", () => {
    const settings = upSettings({ flows: true }, {});
    expect(settings).toMatchObject({
      bus: "memory",
      store: "embedded",
      interfaces: "auto",
      listen: "127.0.0.1:7780",
      lab: [],
    });
    expect(settings.data).toMatch(/\/weir$/);
  });

  it("takes options over environment over file", () => {
    const directory = mkdtempSync(join(tmpdir(), "weir-settings-"));
    const config = join(directory, "up.yaml");
    writeFileSync(
      config,
      "listen: 127.0.0.1:1\nlabNodes: 5\ndata: /from/file\napi: {nodeStaleMs: 2000}\n",
    );
    const env = { WEIR_UP_LISTEN: "127.0.0.1:2", WEIR_UP_LAB_NODES: "4" };
    const settings = upSettings({ flows: false, config, listen: "127.0.0.1:3" }, env);
    rmSync(directory, { recursive: true });
    expect(settings).toMatchObject({
      listen: "127.0.0.1:3",
      labNodes: 4,
      data: "/from/file",
      api: { nodeStaleMs: 2000 },
      printFlows: false,
    });
  });

  it("takes the token of the API from the command line", () => {
    expect(upSettings({ flows: true, tokenFile: "/t", listen: "0.0.0.0:1" }, {})).toMatchObject({
      ...{ tokenFile: "/t", listen: "0.0.0.0:1" },
    });
  });

  it.each([
    [{ bus: "rabbit" }, /give memory, or kafka/],
    [{ store: "ftp://x" }, /give embedded, or http/],
    [{ interfaces: "eth0,,very-long-interface-name" }, /names like eth0,eth1/],
    [{ kubeconfig: "x" }, /not there yet/],
  ])("refuses %j before anything is started", (options, message) => {
    expect(() => upSettings({ flows: true, ...options }, {})).toThrow(message);
  });

  it("reads interfaces", () => {
    expect(interfacesOf("none")).toBe("none");
    expect(interfacesOf("eth0,eth1")).toEqual(["eth0", "eth1"]);
  });
});
