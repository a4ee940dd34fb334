import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Station, eventually, ok } from "./process.ts";

const usualPorts = { api: 17_792, store: 17_793 };

type Settings = Record<string, unknown>;

/** Every station as a process of its own, over a broker. */
export class Stations implements AsyncDisposable {
  readonly env: { WEIR_API: string };
  readonly #apiListen: string;
  readonly #storeListen: string;
  readonly #directory: string;
  readonly #broker: string;
  readonly #node: string;
  readonly #running = new Map<string, Station>();

  constructor(directory: string, broker: string, node: string, ports = usualPorts) {
    this.#apiListen = `127.0.0.1:${ports.api}`;
    this.#storeListen = `127.0.0.1:${ports.store}`;
    this.env = { WEIR_API: `http://${this.#apiListen}` };
    this.#directory = directory;
    this.#broker = broker;
    this.#node = node;
    mkdirSync(directory, { recursive: true });
  }

  get spoolDirectory(): string {
    return join(this.#directory, "spool");
  }

  get started(): string[] {
    return [...this.#running.keys()];
  }

  get(name: string): Station {
    const station = this.#running.get(name);
    if (!station) throw new Error(`no ${name} was started`);
    return station;
  }

  startStore(): void {
    const args = ["store", "--data", join(this.#directory, "store"), "--listen", this.#storeListen];
    this.#running.set("store", Station.weir(args));
  }

  /** Starts one station; it says `running` in its log when it is. */
  async start(name: string): Promise<Station> {
    const file = join(this.#directory, `${name}.json`);
    writeFileSync(file, JSON.stringify(this.#settings(name)));
    const station = Station.weir([name, "--config", file]);
    this.#running.set(name, station);
    await station.says(/"msg":"running"/);
    return station;
  }

  #settings(name: string): Settings {
    const common = { bus: `kafka://${this.#broker}` };
    const store = { store: `http://${this.#storeListen}` };
    switch (name) {
      case "collector":
        return {
          ...{ ...common, node: this.#node, interfaces: "none" },
          spoolDirectory: this.spoolDirectory,
        };
      case "api":
        return { ...common, ...store, listen: this.#apiListen };
      case "enricher":
      case "recommender":
        return { ...common, ...store };
      default:
        return common;
    }
  }

  async startAll(): Promise<void> {
    this.startStore();
    await eventually(async () => {
      const response = await fetch(`http://${this.#storeListen}/ping`);
      if (!response.ok) throw new Error(`the store answers ${response.status}`);
    }, 30_000);
    for (const name of ["controller", "collector", "enricher", "recommender", "api"]) {
      await this.start(name);
    }
    await eventually(() => ok(["status", "-o", "json"], { env: this.env }), 60_000);
  }

  async stopAll(): Promise<void> {
    for (const name of ["api", "recommender", "enricher", "collector", "controller", "store"]) {
      const station = this.#running.get(name);
      if (station?.running) await station.stop("SIGTERM");
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const station of this.#running.values()) await station[Symbol.asyncDispose]();
  }
}
