import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { hostListeners, parseSockets } from "./host-listeners.ts";

const HEAD =
  "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode";
const line = (local: string, state: string, inode: number): string =>
  `   0: ${local} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000     0        0 ${inode} 1`;

let proc: string;
beforeEach(() => {
  proc = mkdtempSync(join(tmpdir(), "weir-proc-"));
  mkdirSync(join(proc, "net"));
});
afterEach(() => rmSync(proc, { recursive: true, force: true }));

function process(pid: number, comm: string, cgroup: string, ...inodes: number[]): void {
  mkdirSync(join(proc, String(pid), "fd"), { recursive: true });
  writeFileSync(join(proc, String(pid), "comm"), `${comm}\n`);
  writeFileSync(join(proc, String(pid), "cgroup"), cgroup);
  inodes.forEach((inode, at) =>
    symlinkSync(`socket:[${inode}]`, join(proc, String(pid), "fd", String(at))),
  );
}

describe("who listens on a host", () => {
  it("is named by its unit, else by its process; nobody that cannot be seen", async () => {
    writeFileSync(
      join(proc, "net/tcp"),
      [
        HEAD,
        line("00000000:0016", "0A", 11),
        line("0100007F:1F90", "0A", 12),
        line("00000000:0051", "0A", 99),
        line("0100007F:9999", "01", 13),
      ].join("\n"),
    );
    writeFileSync(
      join(proc, "net/udp6"),
      [HEAD, line(`${"0".repeat(32)}:0035`, "07", 14)].join("\n"),
    );
    process(1, "sshd", "1:name=systemd:/system.slice/ssh.service\n", 11, 13);
    process(2, "node", "0::/user.slice/session-1.scope\n", 12);
    process(3, "dnsmasq", "", 14);
    expect(await hostListeners(proc)).toEqual([
      { name: "ssh.service", port: 22, protocol: 6 },
      { name: "node", port: 8080, protocol: 6 },
      { name: "dnsmasq", port: 53, protocol: 17 },
    ]);
  });

  it("is nobody where nothing listens, or nothing can be read", async () => {
    expect(await hostListeners(join(proc, "none"))).toEqual([]);
    expect(parseSockets("", "0A")).toEqual([]);
    expect(parseSockets(`${HEAD}\ngarbage\n`, "0A")).toEqual([]);
  });
});
