import { readFileSync } from "node:fs";
import { hostname, networkInterfaces, uptime } from "node:os";
import { parseAddress } from "@weir/codec";
import type { Workload } from "@weir/codec";
import { hostListeners } from "./host-listeners.ts";
import type { WorkloadListener, WorkloadSource } from "./source.ts";

export interface HostOptions {
  /** How often addresses and listeners are read again. Default 15 s. */
  refreshMs?: number;
  /** Name to use; default the host's. */
  name?: string;
}

/**
 * This machine's own addresses, as one workload of kind host, and who listens on its ports. Only
 * names: it makes nobody a peer that a policy could select. Loopback and link-local addresses say
 * nothing about who, and are left out.
 */
export function hostSource(listener: WorkloadListener, options: HostOptions = {}): WorkloadSource {
  const name = "host";
  // The machine has had its addresses since before weir looked; the boot is as far as one can say.
  const since = Math.round(Date.now() - uptime() * 1000) * 1000;
  let last = "";
  let closed = false;
  let reading: Promise<void> | undefined;
  const read = async (): Promise<void> => {
    try {
      const workload = await hostWorkload(options.name ?? hostname(), since);
      const shown = JSON.stringify([workload.addresses.map(String), workload.ports]);
      if (closed || shown === last) return;
      last = shown;
      listener.onSnapshot(name, { workloads: [workload], complete: true });
    } catch (error) {
      listener.onError(name, error as Error, "/proc");
    }
  };
  const refresh = (): Promise<void> => {
    reading ??= read().finally(() => (reading = undefined));
    return reading;
  };
  const timer = setInterval(() => void refresh(), options.refreshMs ?? 15_000);
  timer.unref();
  return {
    name,
    ready: refresh(),
    async close() {
      closed = true;
      clearInterval(timer);
      await reading;
    },
  };
}

async function hostWorkload(name: string, since: number): Promise<Workload> {
  const addresses = Object.values(networkInterfaces())
    .flat()
    .filter((one) => one !== undefined && !one.internal && !isLinkLocal(one.address))
    .map((one) => parseAddress((one as { address: string }).address));
  return {
    kind: "host",
    namespace: "",
    name,
    uid: bootId(),
    workload: name,
    workload_kind: "Host",
    node: name,
    addresses,
    labels: {},
    namespace_labels: {},
    host_network: true,
    ports: await hostListeners(),
    since,
    until: null,
  };
}

function isLinkLocal(address: string): boolean {
  return /^(fe[89ab][0-9a-f]:|169\.254\.)/i.test(address);
}

/** A restart of the machine makes it another one; a restart of weir does not. */
function bootId(): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return "unknown";
  }
}
