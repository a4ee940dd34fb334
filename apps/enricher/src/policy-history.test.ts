import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { createMemoryBus, topics } from "@weir/bus";
import type { Bus } from "@weir/bus";
import { eventCodec, policyDeltaCodec, policyDeltaKey, policySetMessages } from "@weir/codec";
import type { PolicyDelta } from "@weir/codec";
import { loadConfig, silentLog } from "@weir/runtime";
import { openEmbeddedStore } from "@weir/store";
import type { Store } from "@weir/store";
import { enricherConfig } from "./config.ts";
import { startEnricher } from "./enricher.ts";
import type { Enricher } from "./enricher.ts";

const NOW = Date.now() * 1000;
let directory: string;
let bus: Bus;
let store: Store;
const started: Enricher[] = [];

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "weir-history-"));
  store = await openEmbeddedStore({ directory });
  bus = createMemoryBus();
  await bus.ensureTopics(Object.values(topics));
});
afterAll(async () => {
  for (const one of started) await one.stop();
  await bus.close();
  await store.close();
  rmSync(directory, { recursive: true, force: true });
});

async function enrich(): Promise<Enricher> {
  const config = loadConfig(enricherConfig, { overrides: {} });
  const enricher = await startEnricher(config, { bus, store, log: silentLog() });
  started.push(enricher);
  return enricher;
}

describe("what is kept of policy and events", () => {
  it("stores of the policy only what each generation changed", async () => {
    const none = { set: [], deleted: [] };
    const delta = (revision: number, generation: number, documents: PolicyDelta["documents"]) => ({
      ...{ base_revision: revision - 1, revision, generation, created: NOW + revision, documents },
      ...{
        mode: "enforce" as const,
        identities: none,
        endpoints: none,
        entries: none,
        rules: none,
      },
    });
    const document = (name: string, text = "") => ({ namespace: "shop", name, text });
    const send = (...messages: { key: string; value: Uint8Array | null }[]) =>
      bus.send(topics.policies.name, messages);
    const sendDelta = (one: PolicyDelta) =>
      send({ key: policyDeltaKey(one.revision), value: policyDeltaCodec.encode(one) });
    const empty = { identities: [], endpoints: [], entries: [], rules: [] };
    const first = { generation: 1, revision: 1, mode: "enforce" as const, created: NOW, ...empty };
    const documents = ["a", "b", "c", "d"].map((name) =>
      document(name, `${name}1 ${"x".repeat(900)}`),
    );
    // In parts, and then change by change.
    await send(...policySetMessages({ ...first, documents }, 1024));
    const enricher = await enrich();
    await sendDelta(delta(2, 2, { set: [document("a", "a2")], deleted: [document("b")] }));
    await sendDelta(delta(3, 2, none));
    expect(await enricher.drain(10_000)).toBe(true);
    await enricher.stop();
    // One is missing, then a snapshot that knows of nothing new; both after a restart.
    const again = await enrich();
    await sendDelta(delta(5, 4, { set: [document("e", "e1")], deleted: [] }));
    const fourth = { ...first, generation: 4, revision: 6, created: NOW + 6 };
    const later = [document("a", "a2"), ...documents.slice(2), document("e", "e1")];
    await send(...policySetMessages({ ...fourth, documents: later }, 1 << 20));
    expect(await again.drain(10_000)).toBe(true);
    const shown = await store.query<{ generation: number; name: string; text: string }>(
      "SELECT generation, name, text FROM policies ORDER BY generation, name",
    );
    expect(shown.map((row) => `${row.generation} ${row.name} ${row.text.slice(0, 2)}`)).toEqual([
      ...["1 a a1", "1 b b1", "1 c c1", "1 d d1", "2 a a2", "2 c c1", "2 d d1"],
      ...["4 a a2", "4 c c1", "4 d d1", "4 e e1"],
    ]);
    const rows = await store.query("SELECT generation, name, deleted FROM policy_versions");
    expect(rows).toHaveLength(4 + 2 + 1);
  });

  it("stores what happened", async () => {
    const event = {
      ...{ time: NOW, node: "n1", boot_id: "b", kind: "policy-refused", namespace: "shop" },
      ...{ workload: "", pod: "", text: "it does not fit", fields: { generation: "3" } },
    };
    await bus.send(topics.events.name, [{ key: event.kind, value: eventCodec.encode(event) }]);
    const enricher = await enrich();
    expect(await enricher.drain(10_000)).toBe(true);
    expect(await store.query("SELECT node, kind, text, fields FROM events")).toEqual([
      { node: "n1", kind: "policy-refused", text: "it does not fit", fields: { generation: "3" } },
    ]);
  });
});
