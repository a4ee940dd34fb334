import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
/** A list of packages is some 50 MB once unpacked. */
const maxOutputBytes = 256 * 1024 * 1024;

/** A kernel of Debian's, unpacked below `directory`; nothing of it is installed. */
export interface Kernel {
  version: string;
  release: string;
  directory: string;
  image: string;
}

const archive = "http://deb.debian.org/debian";

/** Where each version's newest cloud kernel is listed. */
const lists: Record<string, string> = {
  "5.10": `${archive}/dists/bullseye/main/binary-amd64/Packages.xz`,
  "6.1": `${archive}/dists/bookworm/main/binary-amd64/Packages.xz`,
  "6.12": `${archive}/dists/trixie/main/binary-amd64/Packages.xz`,
};

export const versions: readonly string[] = Object.keys(lists);

/** Fetches and unpacks the kernel unless `cache` has it. Throws with the command that failed. */
export async function fetchKernel(version: string, cache: string): Promise<Kernel> {
  const directory = join(cache, version);
  if (!existsSync(join(directory, "complete"))) {
    rmSync(directory, { recursive: true, force: true });
    mkdirSync(directory, { recursive: true });
    const file = await newestPackage(version);
    const package_ = join(directory, "kernel.deb");
    await run("curl", ["-fsS", "--retry", "3", "-o", package_, `${archive}/${file}`]);
    await run("dpkg-deb", ["-x", package_, directory]);
    rmSync(package_);
    // Since Debian 13 a package says where things really lie; the tools of kmod look in /lib.
    if (!existsSync(join(directory, "lib"))) symlinkSync("usr/lib", join(directory, "lib"));
    await run("depmod", ["-b", directory, releaseIn(directory)]);
    writeFileSync(join(directory, "complete"), `${file}\n`);
  }
  const release = releaseIn(directory);
  return { version, release, directory, image: join(directory, `boot/vmlinuz-${release}`) };
}

/** Files of the modules that `name` needs and that are not built in, in the order to insert them. */
export async function modulesFor(kernel: Kernel, names: string[]): Promise<string[]> {
  const files = new Set<string>();
  for (const name of names) {
    const { stdout } = await run("modprobe", [
      ...["-d", kernel.directory, "-S", kernel.release, "--show-depends", name],
    ]);
    for (const line of stdout.split("\n")) {
      const [action, file] = line.trim().split(/\s+/);
      if (action === "insmod" && file !== undefined) files.add(file);
    }
  }
  return [...files];
}

async function newestPackage(version: string): Promise<string> {
  const list = lists[version];
  if (list === undefined) {
    throw new Error(`no kernel ${version}; there are ${versions.join(", ")}`);
  }
  const { stdout } = await run("sh", ["-c", 'curl -fsS --retry 3 "$1" | xz -d', "sh", list], {
    maxBuffer: maxOutputBytes,
  });
  const pattern = /^Filename: (\S*\/linux-image-(\d\S*)-cloud-amd64_\S+\.deb)$/gm;
  const found = [...stdout.matchAll(pattern)]
    .map(([, file, name]) => ({ file: file as string, name: name as string }))
    .filter(({ name }) => name.startsWith(`${version}.`))
    .sort((a, b) => a.name.localeCompare(b.name, "en", { numeric: true }));
  const newest = found.at(-1);
  if (newest === undefined) throw new Error(`${list} lists no cloud kernel ${version}`);
  return newest.file;
}

function releaseIn(directory: string): string {
  const [release] = readdirSync(join(directory, "lib/modules"));
  if (release === undefined) throw new Error(`${directory} holds no kernel modules`);
  return release;
}
