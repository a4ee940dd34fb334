import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createMemoryBus, topics } from "@weir/bus";
import type { Bus } from "@weir/bus";
import { policyChangeCodec } from "@weir/codec";
import type { Workload } from "@weir/codec";
import { collectorConfig, startNodeCollectors } from "@weir/collector";
import type { NodeCollectors } from "@weir/collector";
import { controllerConfig, startController } from "@weir/controller";
import type { Controller } from "@weir/controller";
import type { LabFile } from "@weir/identity";
import { labDown, labList, labUp } from "@weir/lab";
import type { WrittenPolicy } from "@weir/policy";
import { silentLog } from "@weir/runtime";
import { followWorkloads, isKnown } from "./known.ts";
import { Recorder } from "./recorder.ts";
import { slowBus } from "./slow-bus.ts";

/** Longest a change may take until every node holds it. */
const settleTimeoutMs = 20_000;
const pollMs = 5;

export interface BedOptions {
  /** A name of its own; the process id is added. */
  name: string;
  manifests: string;
  nodes: number;
}

/**
 * A lab with the controller and a collector per node in this process, over a memory bus: policy goes
 * from document to kernel the way it does in `weir up`.
 */
export class LabBed {
  readonly at: { name: string; runDirectory: string };
  readonly bus: Bus;
  readonly recorder: Recorder;
  readonly controller: Controller;
  readonly collectors: NodeCollectors;
  /** How long policy is on its way from the controller to the nodes. */
  readonly policy: { delayMs: number };
  readonly #directory: string;
  readonly #workloads: Map<string, Workload>;
  readonly #policies = new Map<string, string>();
  #manifestCount = 0;

  private constructor(
    at: { name: string; runDirectory: string },
    directory: string,
    bus: Bus,
    recorder: Recorder,
    workloads: Map<string, Workload>,
    stations: { controller: Controller; collectors: NodeCollectors },
    policy: { delayMs: number },
  ) {
    this.policy = policy;
    this.at = at;
    this.bus = bus;
    this.recorder = recorder;
    this.controller = stations.controller;
    this.collectors = stations.collectors;
    this.#directory = directory;
    this.#workloads = workloads;
  }

  static async up(options: BedOptions): Promise<LabBed> {
    const name = `${options.name}${process.pid}`;
    const at = { name, runDirectory: `/run/weir-${name}` };
    const directory = mkdtempSync(join(tmpdir(), "conformance-"));
    const manifest = join(directory, "lab.json");
    writeFileSync(manifest, options.manifests);
    try {
      await labUp({ ...at, manifests: [manifest], nodes: options.nodes });
      const bus = createMemoryBus();
      const policy = { delayMs: 0 };
      const stations = await startStations(bus, at.runDirectory, policy);
      const watched = stations.collectors.collectors.length;
      if (watched !== options.nodes) throw new Error(`${watched} collectors could be started`);
      const workloads = await followWorkloads(bus);
      const recorder = await Recorder.on(bus);
      return new LabBed(at, directory, bus, recorder, workloads, stations, policy);
    } catch (error) {
      await labDown(at);
      rmSync(directory, { recursive: true, force: true });
      throw error;
    }
  }

  /** `namespace/name` of every pod that a manifest asked for. */
  pods(): string[] {
    const { name, runDirectory } = this.at;
    const lab = labList({ runDirectory }).find((one) => one.name === name);
    return (lab?.pods ?? []).map((pod) => `${pod.namespace}/${pod.name}`);
  }

  /** Path of a manifest file with this content. */
  manifest(content: string): string {
    mkdirSync(this.#directory, { recursive: true });
    const path = join(this.#directory, `${this.#manifestCount++}.json`);
    writeFileSync(path, content);
    return path;
  }

  /** Makes exactly these policies the wanted ones; true if anything is to change. */
  async wantPolicies(policies: readonly WrittenPolicy[]): Promise<boolean> {
    const wanted = new Map<string, string>(
      policies.map((policy) => {
        const { namespace, name } = policy.metadata;
        const what = { apiVersion: "networking.k8s.io/v1", kind: "NetworkPolicy" };
        return [`${namespace}/${name}`, JSON.stringify({ ...what, ...policy })] as const;
      }),
    );
    const set = [...wanted].filter(([key, text]) => this.#policies.get(key) !== text);
    const deleted = [...this.#policies.keys()].filter((key) => !wanted.has(key));
    const messages = [
      ...set.map(([key, text]) => ({ key, value: policyChangeCodec.encode(changeOf(key, text)) })),
      ...deleted.map((key) => ({ key, value: null })),
    ];
    if (messages.length === 0) return false;
    const before = this.controller.status().generation;
    await this.bus.send(topics.policyDocuments.name, messages);
    for (const [key, text] of set) this.#policies.set(key, text);
    for (const key of deleted) this.#policies.delete(key);
    await until("the controller has the policies", () => {
      const { generation, policies: count, errors, trouble } = this.controller.status();
      if (errors.length > 0 || trouble !== undefined)
        throw new Error(JSON.stringify({ errors, trouble }));
      return generation > before && count === wanted.size;
    });
    return true;
  }

  /** Resolves when the controller knows the lab as it is and every node holds what it compiled. */
  async settled(lab: LabFile): Promise<void> {
    await until("the controller knows the lab", () => isKnown(lab, this.#workloads));
    await until("every node holds the policy", async () => {
      await this.controller.settled();
      const { revision } = this.controller.status();
      const reports = this.collectors.collectors.map((one) => one.status());
      const failed = reports.find((one) => one.error !== null);
      if (failed !== undefined) throw new Error(`${failed.node}: ${failed.error}`);
      const attached = reports.reduce((sum, one) => sum + one.attached.length, 0);
      const pods = lab.pods.filter((pod) => !pod.hostNetwork).length;
      const isHeld = reports.every((one) => one.revision === revision);
      return isHeld && attached === pods && this.controller.status().revision === revision;
    });
  }

  async down(): Promise<void> {
    await this.collectors.stop({ detach: true });
    await this.controller.stop();
    await this.bus.close();
    await labDown(this.at);
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

async function startStations(
  bus: Bus,
  runDirectory: string,
  policy: { delayMs: number },
): Promise<{ controller: Controller; collectors: NodeCollectors }> {
  const log = silentLog();
  const controller = await startController(
    controllerConfig.parse({ runDirectory, host: false, rescanMs: 500 }),
    { bus: slowBus(bus, topics.policies.name, () => policy.delayMs), log },
  );
  try {
    const collectors = await startNodeCollectors(
      collectorConfig.parse({
        ...{ runDirectory, interfaces: "none", blockIntervalMs: 20 },
        ...{ sweepIntervalMs: 200, activeTimeoutMs: 200 },
      }),
      { bus, log },
    );
    return { controller, collectors };
  } catch (error) {
    await controller.stop();
    throw error;
  }
}

function changeOf(key: string, text: string) {
  const [namespace = "", name = ""] = key.split("/");
  return { namespace, name, text, shadow: false, changed: Date.now() * 1000, author: "test" };
}

export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + settleTimeoutMs;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`not within ${settleTimeoutMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}
