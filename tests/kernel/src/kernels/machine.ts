import { execFile, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { initScript } from "./init-script.ts";
import { modulesFor } from "./kernel.ts";
import type { Kernel } from "./kernel.ts";

const run = promisify(execFile);
const fileServer = "/usr/lib/qemu/virtiofsd";
const memoryMiB = 3072;

export interface MachineOptions {
  kernel: Kernel;
  /** Run by sh in the machine, as root, with this machine's files read-only. */
  command: string;
  /** After which the machine is turned off, and the run has failed. */
  timeoutMs: number;
  /** Each line that the machine prints. */
  onLine: (line: string) => void;
}

/**
 * Boots the kernel under software emulation (KVM is not asked for: it hangs where it is nested), runs
 * the command and resolves with its exit code; undefined when the machine did not get that far.
 */
export async function runInMachine(options: MachineOptions): Promise<number | undefined> {
  const work = mkdtempSync(join(options.kernel.directory, "run-"));
  const socket = join(work, "files.sock");
  const files = spawn(
    fileServer,
    [`--socket-path=${socket}`, "-o", "source=/", "-o", "cache=always", "-o", "sandbox=chroot"],
    { stdio: "ignore" },
  );
  try {
    const initrd = await makeInitrd(options, work);
    await appears(socket, files);
    return await boot(options, initrd, socket);
  } finally {
    files.kill("SIGKILL");
    rmSync(work, { recursive: true, force: true });
  }
}

/** A file system in memory: busybox, the modules that reach the shared files, and /init. */
async function makeInitrd({ kernel, command }: MachineOptions, work: string): Promise<string> {
  const root = join(work, "root");
  for (const folder of ["bin", "modules", "host", "proc"]) {
    mkdirSync(join(root, folder), { recursive: true });
  }
  copyFileSync("/usr/bin/busybox", join(root, "bin/busybox"));
  const modules = await modulesFor(kernel, ["virtio_pci", "virtiofs"]);
  modules.forEach((file, index) => {
    copyFileSync(
      file,
      join(root, "modules", `${String(index).padStart(2, "0")}-${basename(file)}`),
    );
  });
  writeFileSync(join(root, "init"), initScript(join(kernel.directory, "lib/modules"), command), {
    mode: 0o755,
  });
  await run("sh", ["-c", "find . | cpio -o -H newc --quiet > ../initrd"], { cwd: root });
  return join(work, "initrd");
}

async function appears(socket: string, server: ChildProcess): Promise<void> {
  while (!existsSync(socket)) {
    if (server.exitCode !== null) throw new Error(`${fileServer} ended with ${server.exitCode}`);
    await sleep(20);
  }
}

async function boot(
  { kernel, timeoutMs, onLine }: MachineOptions,
  initrd: string,
  socket: string,
): Promise<number | undefined> {
  const memory = `memory-backend-memfd,id=memory,size=${memoryMiB}M,share=on`;
  const machine = spawn(
    "qemu-system-x86_64",
    [
      ...["-accel", "tcg,thread=multi", "-cpu", "max,-cx16", "-smp", "2", "-m", `${memoryMiB}`],
      ...["-object", memory, "-numa", "node,memdev=memory"],
      ...["-chardev", `socket,id=files,path=${socket}`],
      ...["-device", "vhost-user-fs-pci,chardev=files,tag=host"],
      ...["-kernel", kernel.image, "-initrd", initrd],
      ...["-append", "console=ttyS0 quiet loglevel=1 panic=-1"],
      ...["-nographic", "-no-reboot", "-net", "none"],
    ],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  const timer = setTimeout(() => machine.kill("SIGKILL"), timeoutMs);
  const ended = new Promise<void>((resolve, reject) => {
    machine.on("error", reject).on("close", () => resolve());
  });
  let signal: NodeJS.Signals | undefined;
  const stop = (given: NodeJS.Signals): void => {
    signal = given;
    machine.kill("SIGKILL");
  };
  process.on("SIGINT", stop).on("SIGTERM", stop);
  let code: number | undefined;
  createInterface({ input: machine.stdout }).on("line", (line) => {
    const exit = /^weir-exit (\d+)/.exec(line);
    if (exit) code = Number(exit[1]);
    else onLine(line);
  });
  try {
    await ended;
  } finally {
    clearTimeout(timer);
    process.off("SIGINT", stop).off("SIGTERM", stop);
  }
  if (signal !== undefined) throw new Error(`ended by ${signal}, and the machine with it`);
  return code;
}
