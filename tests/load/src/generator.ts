import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { parseAddress } from "@weir/codec";
import type { GeneratorTask } from "./generator-process.ts";
import { Part } from "./process.ts";

export interface GeneratorPlace {
  /** Path of the network namespace that holds the interface. */
  netns: string;
  /** The node's end of a pod's veth pair: frames arrive there as if the pod had sent them. */
  ifindex: number;
  /** The pod's IPv4 address. */
  source: string;
  /** First address of an IPv4 /16 that nobody has. */
  destinations: string;
  /** For the object that is compiled here. */
  directory: string;
}

/** Offers `generate(rate, seconds)`, `probe(port)` and `generated()`; ends when it is disposed of. */
export function startGenerator(place: GeneratorPlace): Part {
  const object = join(place.directory, "frames.bpf.o");
  const source = join(import.meta.dirname, "frames.bpf.c");
  const types = join(import.meta.dirname, "../../../bpf/build");
  const flags = ["-g", "-O2", "-Wall", "-Werror", "-target", "bpf", "-mcpu=v3", "-I", types];
  execFileSync("clang", [...flags, "-c", source, "-o", object]);
  const task: GeneratorTask = {
    object,
    ifindex: place.ifindex,
    sourceBe: new DataView(parseAddress(place.source).buffer).getUint32(12, true),
    destinations: new DataView(parseAddress(place.destinations).buffer).getUint32(12),
  };
  const file = join(import.meta.dirname, "generator-process.ts");
  return new Part("generator", file, task, ["nsenter", `--net=${place.netns}`]);
}
