import { join } from "node:path";
import type { Bus, KafkaBusOptions } from "@weir/bus";
import type { Log } from "@weir/runtime";
import type { RetentionChange, Store } from "@weir/store";
import { usageError } from "./exit.ts";

/** Throws a usage error for an address that `openBus` or `openStore` would not take. */
export function checkDoors(bus: string, store: string): void {
  if (bus !== "memory") kafkaOptions(bus);
  checkStore(store);
}

function checkStore(address: string): void {
  if (address === "embedded" || /^https?:\/\/[^/]/.test(address)) return;
  throw usageError(`--store ${address}: give embedded, or http://HOST:PORT`);
}

/** Opens the bus that `--bus` names: `memory` (kept under `directory`) or `kafka://HOST:PORT,...`. */
export async function openBus(
  address: string,
  directory: string | undefined,
  log: Log,
): Promise<Bus> {
  const buses = await import("@weir/bus");
  if (address === "memory") {
    return buses.createMemoryBus(directory === undefined ? {} : { directory });
  }
  return buses.createKafkaBus({ ...kafkaOptions(address), log });
}

/**
 * `kafka://a:9092,b:9092` as its brokers, with `?producer=platformatic` the client that sends.
 * Throws a usage error with an example.
 */
export function kafkaOptions(address: string): Pick<KafkaBusOptions, "brokers" | "producer"> {
  const [, hosts = "", producer = "kafkajs"] =
    /^kafka:\/\/([^/?]+)\/?(?:\?producer=(kafkajs|platformatic))?$/.exec(address) ?? [];
  const brokers = hosts.split(",");
  if (!brokers.every((one) => /^(\[[^\]]+\]|[^:[\]]+):\d{1,5}$/.test(one))) {
    const forms = "give memory, or kafka://HOST:PORT[,HOST:PORT][?producer=platformatic]";
    throw usageError(`--bus ${address}: ${forms}`);
  }
  return { brokers, producer: producer === "platformatic" ? producer : "kafkajs" };
}

/** Opens the store that `--store` names, its schema up to date: `embedded` or `http://HOST:PORT`. */
export async function openStore(
  address: string,
  data: string,
  retention: RetentionChange = {},
): Promise<Store> {
  const stores = await import("@weir/store");
  checkStore(address);
  const store =
    address === "embedded"
      ? await stores.openEmbeddedStore({ directory: join(data, "store"), retention })
      : await stores.openServerStore({ url: address, retention });
  try {
    await store.migrate();
  } catch (error) {
    await store.close();
    throw error;
  }
  return store;
}
