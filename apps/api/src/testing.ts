import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Bus, createMemoryBus, topics } from "@weir/bus";
import {
  type NodeReport,
  PolicyFeed,
  type Workload,
  nodeReportCodec,
  parseAddress,
  workloadCodec,
} from "@weir/codec";
import { type Log, createMetrics, silentLog } from "@weir/runtime";
import { type Store, openEmbeddedStore } from "@weir/store";
import { apiConfig } from "./config.ts";
import { type RunningApi, startApi } from "./start.ts";

/** An API over a real engine and the memory bus, for tests. */
export interface Bed extends AsyncDisposable {
  bus: Bus;
  store: Store;
  api: RunningApi;
  get(path: string): Promise<Response>;
  post(path: string, body: unknown): Promise<Response>;
}

/** `settings` are those of the API; it listens on a free port. */
export async function openBed(
  settings: Record<string, unknown> = {},
  log: Log = silentLog(),
): Promise<Bed> {
  await using opened = new AsyncDisposableStack();
  const directory = mkdtempSync(join(tmpdir(), "weir-api-"));
  opened.defer(() => rmSync(directory, { recursive: true, force: true }));
  const bus = opened.use(createMemoryBus());
  await bus.ensureTopics(Object.values(topics));
  const store = opened.use(await openEmbeddedStore({ directory }));
  await store.migrate();
  const config = apiConfig.parse({ listen: "127.0.0.1:0", ...settings });
  const api = opened.use(
    await startApi(config, { bus, store, log, metrics: createMetrics("api") }),
  );
  const moved = opened.move();
  return {
    bus,
    store,
    api,
    get: (path) => fetch(api.url + path),
    post: (path, body) =>
      fetch(api.url + path, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
      }),
    [Symbol.asyncDispose]: () => moved.disposeAsync(),
  };
}

export const pod = (name: string, address: string): Workload => ({
  kind: "pod",
  namespace: "shop",
  name: `${name}-0`,
  uid: name,
  workload: name,
  workload_kind: "Deployment",
  node: "n1",
  addresses: [parseAddress(address)],
  labels: { app: name },
  namespace_labels: { "kubernetes.io/metadata.name": "shop" },
  host_network: false,
  ports: [],
  since: 0,
  until: null,
});

export async function sendWorkloads(bus: Bus, ...workloads: Workload[]): Promise<void> {
  await bus.send(
    topics.workloads.name,
    workloads.map((one) => ({
      key: `${one.kind}/${one.namespace}/${one.name}/${one.uid}`,
      value: workloadCodec.encode(one),
    })),
  );
}

/** What a node says that has nothing to say. */
export const report: NodeReport = {
  node: "n1",
  boot_id: "b",
  time: 0,
  version: "0",
  generation: 0,
  revision: 0,
  mode: "observe",
  error: null,
  attached: ["veth0 (shop/cart-0)"],
  hooks: { tcx: "ok" },
  blocks: 0,
  produced: 0,
  lost: {},
  counters: {},
  odometers: [],
};

/**
 * A node as the API sees it: it reports, and holds each policy set that is published, unless
 * `refusal` says why it does not.
 */
export async function followAsNode(
  bus: Bus,
  node: string,
  refusal: () => string | undefined = () => undefined,
): Promise<AsyncDisposable> {
  const say = (more: Partial<NodeReport>): Promise<void> =>
    bus.send(topics.nodes.name, [
      { key: node, value: nodeReportCodec.encode({ ...report, node, ...more }) },
    ]);
  await say({});
  const feed = new PolicyFeed();
  return bus.readTable({
    topic: topics.policies.name,
    onRecord(key, value) {
      if (value === null) return;
      const error = refusal();
      const [news] = feed.read(key, value);
      if (news === undefined) return;
      const { generation, revision, mode } = news.set ?? news.delta;
      void say(error === undefined ? { generation, revision, mode } : { error });
    },
  });
}
