import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CollectorConfigInput } from "@weir/collector";
import { Part, startGenerator } from "@weir/test-load";
import { openPolicyLab } from "../policy-lab.ts";
import type { PolicyLab } from "../policy-lab.ts";
import type { CollectorTask } from "./collector-process.ts";
import type { EnricherTask } from "./enricher-process.ts";

/** Where the generated connections go: nobody of the lab, nobody at all. */
export const destinations = "10.201.0.0";

/** A node with a pod, a generator of frames at its interface, and what is made to look at them. */
export interface CaptureBed extends AsyncDisposable {
  lab: PolicyLab;
  generator: Part;
  directory: string;
  /**
   * A collector with its own defaults, the spool in the run directory, unless it is told; it is
   * ready when it resolves, and is detached when it is disposed of.
   */
  collector(
    settings: CollectorConfigInput,
    broker?: string,
    producer?: CollectorTask["producer"],
  ): Promise<Part>;
  enricher(broker: string): Promise<Part>;
}

export async function openCaptureBed(): Promise<CaptureBed> {
  await using opening = new AsyncDisposableStack();
  const directory = mkdtempSync(join(tmpdir(), "weir-capture-"));
  opening.defer(() => rmSync(directory, { recursive: true, force: true }));
  const lab = opening.use(await openPolicyLab());
  const generator = opening.use(
    startGenerator({
      ...{ netns: lab.nodeNetns, ifindex: lab.client.ifindex, destinations, directory },
      source: lab.client.addresses.find((one) => !one.includes(":")) ?? "",
    }),
  );
  await generator.ask("generated");
  let folders = 0;
  const fresh = (name: string): string => join(directory, `${name}-${folders++}`);
  const spools = join(lab.runDirectory, "spool");
  const opened = opening.move();
  return {
    ...{ lab, generator, directory },
    async collector(settings, broker, producer) {
      // What a bus that hangs has left there is nobody's any more.
      rmSync(spools, { recursive: true, force: true });
      const config: CollectorConfigInput = {
        node: lab.client.node,
        runDirectory: lab.runDirectory,
        pinDirectory: `/sys/fs/bpf/weir-capture-${process.pid}`,
        interfaces: "none",
        stopTimeoutMs: broker === undefined ? 0 : 30_000,
        ...settings,
      };
      const task: CollectorTask = { config, broker, producer };
      return ready(new Part("collector", program("collector-process.ts"), task));
    },
    enricher(broker) {
      const task: EnricherTask = { broker, directory: fresh("store") };
      return ready(new Part("enricher", program("enricher-process.ts"), task));
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

function program(file: string): string {
  return join(import.meta.dirname, file);
}

async function ready(part: Part): Promise<Part> {
  try {
    await part.ask("ready");
    return part;
  } catch (error) {
    await part[Symbol.asyncDispose]();
    throw error;
  }
}
