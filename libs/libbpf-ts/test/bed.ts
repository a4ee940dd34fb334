/** What the tests stand on: objects, names of their own, network namespaces. */
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { rmSync } from "node:fs";
import { fileURLToPath } from "node:url";

export function objectPath(name: string): string {
  return fileURLToPath(new URL(`../build/${name}.bpf.o`, import.meta.url));
}

/** Unique on this machine. */
export function ownName(what: string): string {
  return `lbt-${process.pid}-${randomBytes(3).toString("hex")}-${what}`;
}

/** A path in the BPF file system, gone at the end of the block. */
export class Pin implements Disposable {
  readonly path: string = `/sys/fs/bpf/${ownName("pin")}`;

  [Symbol.dispose](): void {
    rmSync(this.path, { force: true });
  }
}

/** A network namespace with a loopback interface that is up. */
export class Namespace implements Disposable {
  readonly name: string = ownName("ns");
  readonly path: string = `/run/netns/${this.name}`;
  #there = true;

  constructor() {
    execFileSync("ip", ["netns", "add", this.name]);
    this.run("ip", "link", "set", "lo", "up");
  }

  run(command: string, ...args: string[]): string {
    return execFileSync("nsenter", [`--net=${this.path}`, command, ...args], {
      encoding: "utf8",
      timeout: 20_000,
    });
  }

  /** `count` datagrams of 18 bytes, one after the other. */
  sendUdp(count: number, address: string = "127.0.0.1"): void {
    this.run(process.execPath, "-e", udpScript(count, address));
  }

  remove(): void {
    if (this.#there) execFileSync("ip", ["netns", "delete", this.name]);
    this.#there = false;
  }

  [Symbol.dispose](): void {
    this.remove();
  }
}

export function udpScript(count: number, address: string): string {
  return `
    const socket = require("node:dgram").createSocket("udp4");
    let left = ${count};
    const send = () => (left-- > 0 ? socket.send(Buffer.alloc(18), 9, "${address}", next) : socket.close());
    const next = (error) => { if (error) throw error; setImmediate(send); };
    socket.on("error", () => {});
    send();`;
}
