import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { apiConfig, startApi } from "@weir/api";
import { createMemoryBus, topics } from "@weir/bus";
import { collectorConfig, startNodeCollectors } from "@weir/collector";
import { controllerConfig, startController } from "@weir/controller";
import { enricherConfig, startEnricher } from "@weir/enricher";
import { labDown, labList, labUp } from "@weir/lab";
import { createMetrics, loadConfig, silentLog } from "@weir/runtime";
import { openEmbeddedStore } from "@weir/store";
import { Prober } from "./apply-prober.ts";
import { StageWatch } from "./apply-stages.ts";
import { labManifests, podManifests } from "./apply-world.ts";

export interface ApplyBed extends AsyncDisposable {
  url: string;
  watch: StageWatch;
  prober: Prober;
}

/** Every station of `weir up` in this process, over a lab of two pods and a table of `podCount` more. */
export async function openApplyBed(podCount: number): Promise<ApplyBed> {
  await using opening = new AsyncDisposableStack();
  const directory = mkdtempSync(join(tmpdir(), "weir-apply-"));
  opening.defer(() => rmSync(directory, { recursive: true, force: true }));
  const manifests = join(directory, "manifests");
  mkdirSync(manifests);
  writeFileSync(join(manifests, "pods.json"), podManifests(podCount));
  writeFileSync(join(directory, "lab.json"), labManifests);
  const lab = { name: `apply${process.pid}`, runDirectory: `/run/weir-apply${process.pid}` };
  opening.defer(async () => {
    await labDown(lab);
    rmSync(lab.runDirectory, { recursive: true, force: true });
  });
  await labUp({ ...lab, manifests: [join(directory, "lab.json")], nodes: 2 });

  const watch = new StageWatch();
  const bus = watch.watch(opening.use(createMemoryBus({ directory: join(directory, "bus") })));
  await bus.ensureTopics(Object.values(topics));
  const store = opening.use(await openEmbeddedStore({ directory: join(directory, "store") }));
  const doors = { bus, store, log: silentLog() };
  opening.use(await startEnricher(loadConfig(enricherConfig, { overrides: {} }), doors));
  const { runDirectory } = lab;
  const controlling = { runDirectory, host: false, manifests: [manifests] };
  opening.use(
    await startController(loadConfig(controllerConfig, { overrides: controlling }), doors),
  );
  const collectors = await startNodeCollectors(
    collectorConfig.parse({ runDirectory, interfaces: "none" }),
    doors,
  );
  opening.defer(() => collectors.stop({ detach: true }));
  const watched = collectors.collectors.flatMap((one) => one.status().attached);
  if (watched.length < 2) throw new Error(`not both pods are watched, only: ${watched.join(", ")}`);
  const listen = apiConfig.parse({ listen: "127.0.0.1:0" });
  const api = opening.use(await startApi(listen, { ...doors, metrics: createMetrics("api") }));
  const pods = { sender: "bench/sender", target: "bench/target" };
  const prober = opening.use(
    await Prober.start({ lab, directory, ...pods, targetAddress: targetAddress(lab) }),
  );
  const opened = opening.move();
  return { url: api.url, watch, prober, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

function targetAddress(lab: { name: string; runDirectory: string }): string {
  const { pods } = labList(lab).find((one) => one.name === lab.name) ?? { pods: [] };
  const address = pods.find((pod) => pod.name === "target")?.addresses[0];
  if (address === undefined) throw new Error(`lab ${lab.name} has no pod bench/target`);
  return address;
}
