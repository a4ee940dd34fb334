import { checked } from "./error.ts";
import { native } from "./native.ts";

/** The network namespace a call is made in; default: this process'. */
export interface Netns {
  /** A path, or a name under /run/netns. Only the call enters it, and only on its own thread. */
  netns?: string;
}

export interface Interface {
  ifindex: number;
  name: string;
}

/** @internal "" is this one. */
export function netnsPath(options: Netns | undefined): string {
  const netns = options?.netns ?? "";
  return netns === "" || netns.includes("/") ? netns : `/run/netns/${netns}`;
}

/** Throws BpfError ENODEV when there is no such interface. */
export function ifindexOf(name: string, options?: Netns): number {
  return checked<number>(`interface ${name}`, native.interfaceIndex(netnsPath(options), name));
}

export function listInterfaces(options?: Netns): Interface[] {
  return checked<Interface[]>("list interfaces", native.interfaceList(netnsPath(options)));
}
