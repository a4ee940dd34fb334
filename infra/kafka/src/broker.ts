import type { ChildProcess } from "node:child_process";
import { spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, open, readFile, rm, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { BrokerPorts } from "./configuration.ts";
import { logProperties, serverProperties } from "./configuration.ts";

const jars = new URL("../build/jars", import.meta.url).pathname;
const startTimeoutMs = 60_000;
const stopTimeoutMs = 20_000;

export interface BrokerOptions {
  /**
   * Keeps data, ports and log here; a second start on it goes on with all three. Without it a
   * temporary directory is used, which `stop` removes.
   */
  directory?: string;
}

export interface RunningBroker extends AsyncDisposable {
  /** `127.0.0.1:PORT` for clients. */
  readonly address: string;
  readonly pid: number;
  readonly directory: string;
  /** kill -9. The directory stays, so that the broker can be started again on it. */
  kill(): Promise<void>;
  /** SIGTERM, then kill -9 if it takes too long; removes the directory unless it was given. */
  stop(): Promise<void>;
}

/** Why no broker can run here, with what to do about it; undefined when one can. */
export function brokerMissing(): string | undefined {
  if (spawnSync("java", ["-version"], { stdio: "ignore" }).status !== 0) {
    return "java is missing: apt-get install -y --no-install-recommends default-jre-headless";
  }
  if (!existsSync(jars)) return "the jars of the broker are missing: sh infra/kafka/fetch.sh";
  return undefined;
}

/**
 * Starts one Kafka broker (KRaft, loopback, ephemeral ports) and resolves when it accepts
 * connections, usually after 3 to 8 s. It ends with this process, whatever ends that. Throws with
 * the last lines of its log when it does not come up.
 */
export async function startBroker(options: BrokerOptions = {}): Promise<RunningBroker> {
  const missing = brokerMissing();
  if (missing !== undefined) throw new Error(missing);
  const directory = options.directory ?? (await mkdtemp(join(tmpdir(), "weir-kafka-")));
  try {
    const ports = await prepare(directory);
    if (await connects(ports.clients)) {
      throw new Error(`a broker runs on ${directory} already: something listens on its port`);
    }
    const child = await run(directory, "kafka.Kafka", [join(directory, "server.properties")]);
    const broker = new Broker(directory, options.directory === undefined, child, ports.clients);
    await accepting(child, ports.clients, directory);
    return broker;
  } catch (error) {
    if (options.directory === undefined) await rm(directory, { recursive: true, force: true });
    throw error;
  }
}

class Broker implements RunningBroker {
  readonly address: string;
  readonly pid: number;
  readonly directory: string;
  readonly #temporary: boolean;
  readonly #child: ChildProcess;

  constructor(directory: string, temporary: boolean, child: ChildProcess, port: number) {
    this.directory = directory;
    this.#temporary = temporary;
    this.#child = child;
    this.address = `127.0.0.1:${port}`;
    this.pid = child.pid ?? -1;
  }

  async kill(): Promise<void> {
    await end(this.#child, "SIGKILL");
  }

  async stop(): Promise<void> {
    await end(this.#child, "SIGTERM");
    if (this.#temporary) await rm(this.directory, { recursive: true, force: true });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}

/** Writes the configuration and formats the data directory, both only the first time. */
async function prepare(directory: string): Promise<BrokerPorts> {
  const portsFile = join(directory, "ports.json");
  if (existsSync(portsFile)) return JSON.parse(await readFile(portsFile, "utf8")) as BrokerPorts;
  await mkdir(directory, { recursive: true });
  const [clients, controller] = await freePorts();
  const ports = { clients, controller };
  const properties = join(directory, "server.properties");
  await writeFile(properties, serverProperties(directory, ports));
  await writeFile(join(directory, "log4j2.properties"), logProperties);
  const id = randomBytes(16).toString("base64url");
  const format = await run(directory, "kafka.tools.StorageTool", [
    "format",
    // One word: an id may begin with a dash.
    `--cluster-id=${id}`,
    `--config=${properties}`,
  ]);
  if ((await ended(format)) !== 0)
    throw new Error(await explain(directory, "could not be formatted"));
  await writeFile(portsFile, JSON.stringify(ports));
  return ports;
}

async function run(directory: string, main: string, args: string[]): Promise<ChildProcess> {
  const log = await open(join(directory, "broker.log"), "a");
  try {
    const java = [
      "java",
      "-Xmx256m",
      "-Xms64m",
      "-XX:+UseSerialGC",
      "-XX:TieredStopAtLevel=1",
      "-Djava.awt.headless=true",
      `-Dlog4j2.configurationFile=${join(directory, "log4j2.properties")}`,
      "-cp",
      join(jars, "*"),
      main,
      ...args,
    ];
    // The kernel ends the broker with this process, kill -9 included.
    const command = hasSetpriv() ? ["setpriv", "--pdeathsig", "KILL", ...java] : java;
    const child = spawn(command[0] as string, command.slice(1), {
      cwd: directory,
      stdio: ["ignore", log.fd, log.fd],
    });
    await new Promise<void>((resolve, reject) => {
      child.once("spawn", resolve).once("error", reject);
    });
    return child;
  } finally {
    await log.close();
  }
}

function hasSetpriv(): boolean {
  return spawnSync("setpriv", ["--version"], { stdio: "ignore" }).status === 0;
}

/** Exit code; -1 for a signal. */
async function ended(child: ChildProcess): Promise<number> {
  if (child.exitCode === null && child.signalCode === null) {
    await new Promise((resolve) => {
      child.once("exit", resolve);
    });
  }
  return child.exitCode ?? -1;
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  child.kill(signal);
  const late = setTimeout(() => child.kill("SIGKILL"), stopTimeoutMs);
  await ended(child);
  clearTimeout(late);
}

async function accepting(child: ChildProcess, port: number, directory: string): Promise<void> {
  const deadline = performance.now() + startTimeoutMs;
  while (!(await connects(port))) {
    if (child.exitCode !== null || child.signalCode !== null) {
      throw new Error(await explain(directory, "ended while it started"));
    }
    if (performance.now() > deadline) {
      await end(child, "SIGKILL");
      throw new Error(await explain(directory, `did not accept within ${startTimeoutMs} ms`));
    }
    await pause(50);
  }
}

function connects(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    const settle = (connected: boolean): void => {
      socket.destroy();
      resolve(connected);
    };
    socket.once("connect", () => settle(true)).once("error", () => settle(false));
  });
}

async function explain(directory: string, what: string): Promise<string> {
  const log = await readFile(join(directory, "broker.log"), "utf8").catch(() => "");
  const lines = log.split("\n").filter((line) => line !== "" && !line.startsWith("\tat "));
  const last = lines.slice(-8).join("\n");
  return `the Kafka broker in ${directory} ${what}; its log ends:\n${last}`;
}

/** Two ports that were free a moment ago; both are held until both are known. */
async function freePorts(): Promise<[number, number]> {
  const servers = [createServer(), createServer()];
  const ports = await Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((resolve, reject) => {
          server.once("error", reject);
          server.listen(0, "127.0.0.1", () => {
            const address = server.address();
            resolve(typeof address === "object" && address ? address.port : 0);
          });
        }),
    ),
  );
  await Promise.all(
    servers.map(
      (server) =>
        new Promise((resolve) => {
          server.close(resolve);
        }),
    ),
  );
  return ports as [number, number];
}
