import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { EndpointFile, NodeFile } from "@weir/identity";

const run = promisify(execFile);

/** A pod of the bed: a namespace with one end of a veth pair, the other end is the node's. */
export interface BedPod {
  name: string;
  netns: string;
  v4: string;
  v6: string;
  interface: string;
  ifindex: number;
}

/**
 * A node with pods, made of network namespaces that carry this process' pid and go with `close`.
 * The node routes between its pods; the machine's own namespace has no part in it. Also its run
 * directory, with files as the wiring of pods leaves them.
 */
export class Bed {
  readonly node: string;
  readonly runDirectory: string;
  readonly pins: string;
  readonly pods: BedPod[] = [];
  readonly #netns: string;
  static #count = 0;

  private constructor(name: string) {
    this.node = name;
    this.#netns = name;
    this.runDirectory = mkdtempSync(join(tmpdir(), "weir-bed-"));
    this.pins = `/sys/fs/bpf/${name}`;
  }

  static async make(pods: number): Promise<Bed> {
    const bed = new Bed(`weirbed-${process.pid}-${Bed.#count++}`);
    try {
      await run("ip", ["netns", "add", bed.#netns]);
      await bed.inNode("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1");
      await bed.inNode("ip", "link", "set", "lo", "up");
      bed.writeNode();
      for (let index = 0; index < pods; index++) await bed.addPod();
      return bed;
    } catch (error) {
      await bed.close();
      throw error;
    }
  }

  get netnsPath(): string {
    return `/run/netns/${this.#netns}`;
  }

  async addPod(): Promise<BedPod> {
    const number = this.pods.length + 1;
    const netns = `${this.#netns}-p${number}`;
    const name = `pod-${number}`;
    const end = `wbed${number}`;
    const v4 = `10.99.0.${number}`;
    const v6 = `fd99::${number}`;
    await run("ip", ["netns", "add", netns]);
    await this.inNode(
      ...["ip", "link", "add", end, "type", "veth", "peer", "name", "eth0", "netns", netns],
    );
    const pod = { name, netns, v4, v6, interface: end, ifindex: await this.#ifindexOf(end) };
    this.pods.push(pod);
    await this.#configure(pod);
    return pod;
  }

  /** Takes the pod's namespace, and with it both ends of its veth pair. */
  async removePod(pod: BedPod): Promise<void> {
    this.unannounce(pod);
    await run("ip", ["netns", "del", pod.netns]);
    this.pods.splice(this.pods.indexOf(pod), 1);
  }

  inNode(...command: string[]): Promise<{ stdout: string }> {
    return run("nsenter", [`--net=${this.netnsPath}`, ...command]);
  }

  inPod(pod: BedPod, ...command: string[]): Promise<{ stdout: string }> {
    return run("nsenter", [`--net=/run/netns/${pod.netns}`, ...command]);
  }

  writeNode(addresses: string[] = []): void {
    const file: NodeFile = { node: this.node, netns: this.netnsPath, addresses };
    this.#write(join("nodes", `${this.node}.json`), file);
  }

  /** Leaves the file that tells the collector of the pod. */
  announce(...pods: BedPod[]): void {
    for (const pod of pods) {
      const file: EndpointFile = {
        node: this.node,
        namespace: "bed",
        pod: pod.name,
        uid: pod.netns,
        addresses: [pod.v4, pod.v6],
        interface: pod.interface,
        ifindex: pod.ifindex,
        netns: `/run/netns/${pod.netns}`,
        direct: true,
        cgroup: "",
        cgroupId: "0",
        created: new Date().toISOString(),
      };
      this.#write(join("endpoints", this.node, `bed_${pod.name}.json`), file);
    }
  }

  unannounce(pod: BedPod): void {
    const file = join(this.runDirectory, "endpoints", this.node, `bed_${pod.name}.json`);
    rmSync(file, { force: true });
  }

  async close(): Promise<void> {
    for (const pod of this.pods) await run("ip", ["netns", "del", pod.netns]).catch(() => {});
    await run("ip", ["netns", "del", this.#netns]).catch(() => {});
    rmSync(this.runDirectory, { recursive: true, force: true });
    removePins(this.pins);
  }

  async #configure(pod: BedPod): Promise<void> {
    const node = (...args: string[]) => this.inNode("ip", ...args);
    const inside = (...args: string[]) => this.inPod(pod, "ip", ...args);
    await node("link", "set", pod.interface, "up");
    await node("addr", "add", "169.254.1.1/32", "dev", pod.interface, "scope", "link");
    await node("-6", "addr", "add", "fe80::1/64", "dev", pod.interface, "nodad");
    await node("route", "add", `${pod.v4}/32`, "dev", pod.interface);
    await node("-6", "route", "add", `${pod.v6}/128`, "dev", pod.interface);
    await inside("link", "set", "lo", "up");
    await inside("link", "set", "eth0", "up");
    await inside("addr", "add", `${pod.v4}/32`, "dev", "eth0");
    await inside("-6", "addr", "add", `${pod.v6}/128`, "dev", "eth0", "nodad");
    await inside("route", "add", "169.254.1.1", "dev", "eth0", "scope", "link");
    await inside("route", "add", "default", "via", "169.254.1.1", "dev", "eth0");
    await inside("-6", "route", "add", "default", "via", "fe80::1", "dev", "eth0");
  }

  async #ifindexOf(name: string): Promise<number> {
    const { stdout } = await this.inNode("ip", "-j", "link", "show", "dev", name);
    return (JSON.parse(stdout) as { ifindex: number }[])[0]?.ifindex ?? 0;
  }

  #write(path: string, content: object): void {
    const full = join(this.runDirectory, path);
    mkdirSync(join(full, ".."), { recursive: true });
    writeFileSync(`${full}.new`, JSON.stringify(content));
    renameSync(`${full}.new`, full);
  }
}

function removePins(folder: string): void {
  try {
    for (const name of readdirSync(folder)) rmSync(join(folder, name), { recursive: true });
    rmSync(folder, { recursive: true, force: true });
  } catch {
    // Nothing was pinned.
  }
}
