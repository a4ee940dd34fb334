import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { createMemoryBus, topics } from "@weir/bus";
import { type Workload, workloadCodec } from "@weir/codec";
import { workloadKey } from "@weir/identity";
import { loadConfig, silentLog } from "@weir/runtime";
import { openEmbeddedStore } from "@weir/store";
import type { Store } from "@weir/store";
import { enricherConfig } from "./config.ts";
import { startEnricher } from "./enricher.ts";
import { NOW, block, flow, pod } from "./testing/messages.ts";

let directory: string;
let store: Store;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "weir-who-then-"));
  store = await openEmbeddedStore({ directory });
});
afterAll(async () => {
  await store.close();
  rmSync(directory, { recursive: true, force: true });
});

const second = 1e6;
const other = (kind: Workload["kind"], name: string, address: string): Workload => ({
  ...pod(name, address, NOW - 60 * second),
  ...{ kind, namespace: kind === "service" ? "shop" : "", workload: name, workload_kind: "" },
});

it("rows say who it was: pods over a rollout on one address, services, nodes, names, networks", async () => {
  const networksFile = join(directory, "networks");
  writeFileSync(networksFile, "198.51.100.0/24 the bank\n198.51.100.128/25 the bank's vault\n");
  await using bus = createMemoryBus();
  await bus.ensureTopics(Object.values(topics));
  const known = [
    // A rollout: the next pod has another name and, within a second, the address; then a stranger has it.
    pod("cart-7c9-aaa", "10.0.0.1", NOW - 60 * second, NOW - 30 * second),
    pod("cart-85f-bbb", "10.0.0.1", NOW - 29.5 * second, NOW - 20 * second),
    pod("web-1-ccc", "10.0.0.1", NOW - 19.9 * second),
    other("service", "db", "10.96.0.9"),
    other("node", "n2", "192.0.2.2"),
  ];
  await bus.send(
    topics.workloads.name,
    known.map((one) => ({ key: workloadKey(one), value: workloadCodec.encode(one) })),
  );
  const config = loadConfig(enricherConfig, {
    overrides: {
      batch: { maxWaitMs: 20 },
      identity: { headStartMs: 0, windowMs: 0, networksFile },
    },
  });
  await using enricher = await startEnricher(config, { bus, store, log: silentLog() });
  const seen = (seconds: number, destination: string, dns = 0) => {
    const time = -seconds * second;
    return flow("10.0.0.1", destination, { time, first: time, last: time, dns });
  };
  await bus.send(topics.flows.name, [
    block(
      1,
      [
        seen(31, "10.96.0.9"),
        seen(29.7, "192.0.2.2"),
        seen(29, "203.0.113.5", 1),
        seen(20.5, "198.51.100.7"),
        seen(19, "198.51.100.200"),
        seen(18, "203.0.113.5"),
      ],
      { names: ["api.example"] },
    ),
  ]);
  expect(await enricher.drain(10_000)).toBe(true);
  const columns =
    "src_kind, src_workload, src_pod, dst_kind, dst_namespace, dst_workload, dst_pod, dst_name";
  const rows = await store.query<Record<string, string>>(
    `SELECT ${columns} FROM flows ORDER BY time`,
  );
  expect(rows.map((row) => Object.values(row).join(" | "))).toEqual([
    "pod | cart | cart-7c9-aaa | service | shop | db |  | db",
    // Between the two nobody had it.
    " |  |  | node |  | n2 |  | n2",
    "pod | cart | cart-85f-bbb |  |  |  |  | api.example",
    "pod | cart | cart-85f-bbb |  |  |  |  | the bank",
    "pod | web | web-1-ccc |  |  |  |  | the bank's vault",
    // Known to nobody: empty, not guessed.
    "pod | web | web-1-ccc |  |  |  |  | ",
  ]);
});
