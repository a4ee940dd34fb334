import { accessSync, constants, existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { cgroupRoot } from "./cgroup.ts";
import { LabError } from "./lab-error.ts";

/** Commands the lab runs, and the Debian package of each. */
const COMMANDS = {
  ip: "iproute2",
  nsenter: "util-linux",
  unshare: "util-linux",
  flock: "util-linux",
  mount: "mount",
  hostname: "hostname",
};

/** Throws, before anything is changed, unless this machine and user can have a lab. */
export function checkRequirements(): void {
  if (process.getuid?.() !== 0) {
    throw new LabError("unsupported", "a lab needs root: run it with sudo");
  }
  const missing = Object.entries(COMMANDS).filter(([name]) => !isInstalled(name));
  if (missing.length > 0) {
    const names = missing.map(([name]) => name).join(", ");
    const packages = [...new Set(missing.map(([, one]) => one))].join(" ");
    throw new LabError("unsupported", `missing: ${names}. apt-get install ${packages}`);
  }
  if (!existsSync("/proc/sys/net/ipv6")) {
    throw new LabError(
      "unsupported",
      "this kernel was started without IPv6: boot it without ipv6.disable=1",
    );
  }
  if (!existsSync("/etc/resolv.conf")) {
    throw new LabError(
      "unsupported",
      "no /etc/resolv.conf to mount a pod's own over: touch /etc/resolv.conf",
    );
  }
  cgroupRoot();
}

function isInstalled(command: string): boolean {
  return (process.env["PATH"] ?? "").split(delimiter).some((directory) => {
    try {
      accessSync(join(directory, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
