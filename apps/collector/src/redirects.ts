import { parseAddress } from "@weir/codec";
import { BpfError } from "libbpf-ts";
import type { BpfMap, TypedMap } from "libbpf-ts";
import type { Datapath } from "./datapath.ts";
import type { WantedInterface } from "./interfaces.ts";

/** Addresses of this node's pods to which packets may take the short way (bpf/redirect.h). */
export interface Redirects {
  readonly counters: { addresses: number; refused: number };
  /** After the interface is attached. */
  add(endpoint: WantedInterface): void;
  /** Before it is detached: from here on its packets take the long way. */
  remove(endpoint: WantedInterface): void;
}

/**
 * What an earlier collector left is forgotten first: until each interface is attached again its
 * packets take the long way. Where redirecting is off nothing is ever added.
 */
export function createRedirects(datapath: Datapath, isOn: boolean): Redirects {
  return new LocalAddresses(datapath, isOn);
}

class LocalAddresses implements Redirects {
  readonly counters = { addresses: 0, refused: 0 };
  readonly #isOn: boolean;
  readonly #addresses: BpfMap;
  readonly #state: TypedMap<number, { version: number }>;

  constructor(datapath: Datapath, isOn: boolean) {
    this.#isOn = isOn;
    this.#addresses = datapath.map("local_addresses");
    this.#state = datapath.map("redirect").typed();
    this.#state.set(0, { version: 0 });
    for (const [key] of [...this.#addresses.entries()]) this.#addresses.delete(key);
  }

  add(endpoint: WantedInterface): void {
    if (!this.#isOn || !endpoint.direct) return;
    for (const address of keysOf(endpoint)) {
      try {
        this.#addresses.update(address, indexBytes(endpoint.ifindex));
        this.counters.addresses++;
      } catch (error) {
        // The map is full: this pod's packets take the long way.
        if (!(error instanceof BpfError)) throw error;
        this.counters.refused++;
      }
    }
    this.#tell();
  }

  remove(endpoint: WantedInterface): void {
    if (!this.#isOn || !endpoint.direct) return;
    const own = indexBytes(endpoint.ifindex);
    for (const address of keysOf(endpoint)) {
      // Another pod may have the address by now.
      const held = this.#addresses.lookup(address);
      if (held === undefined || Buffer.compare(held, own) !== 0) continue;
      this.#addresses.delete(address);
      this.counters.addresses--;
    }
    this.#tell();
  }

  /** What flows remember of the addresses is looked up anew; 0 would say that redirecting is off. */
  #tell(): void {
    const version = this.#state.get(0)?.version ?? 0;
    this.#state.set(0, { version: (version + 1) >>> 0 || 1 });
  }
}

function keysOf(endpoint: WantedInterface): Uint8Array[] {
  return endpoint.addresses.flatMap((text) => {
    try {
      return [parseAddress(text)];
    } catch {
      return [];
    }
  });
}

function indexBytes(ifindex: number): Uint8Array {
  return new Uint8Array(new Uint32Array([ifindex]).buffer);
}
