/** An enricher over the embedded engine, in a process of its own. */
import { createKafkaBus } from "@weir/bus";
import { enricherConfig, startEnricher } from "@weir/enricher";
import { createLog } from "@weir/runtime";
import { openEmbeddedStore } from "@weir/store";
import { answer } from "@weir/test-load";

export interface EnricherTask {
  broker: string;
  directory: string;
}

/** Since a connection's first packet, in milliseconds: when a query first gave its row. */
export interface Probed {
  port: number;
  seenMs: number;
}

const { broker, directory } = JSON.parse(process.argv[2] ?? "{}") as EnricherTask;
const log = createLog({ name: "enricher", level: "warn" });
const bus = createKafkaBus({ brokers: [broker] });
const store = await openEmbeddedStore({ directory });
const enricher = await startEnricher(enricherConfig.parse({}), { bus, store, log });

const pollMs = 10;

/** Looks for rows of these ports until each was seen; wall times. */
async function watch(ports: [first: number, end: number], timeoutMs: number): Promise<Probed[]> {
  const [first, end] = ports;
  const seen = new Map<number, number>();
  const sql = `SELECT DISTINCT dst_port AS port FROM flows
    WHERE time > now64() - INTERVAL 3 MINUTE AND dst_port >= ${first} AND dst_port < ${end}`;
  const deadline = performance.now() + timeoutMs;
  while (seen.size < end - first && performance.now() < deadline) {
    const rows = await store.query<{ port: number }>(sql);
    for (const { port } of rows) if (!seen.has(port)) seen.set(port, Date.now());
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
  return [...seen].map(([port, seenMs]) => ({ port, seenMs }));
}

let stopped: Promise<void> | undefined;
function stop(): Promise<void> {
  stopped ??= (async () => {
    await enricher.stop();
    await store.close();
    await bus.close();
  })();
  return stopped;
}

answer(
  {
    ready: () => enricher.status().length,
    query: (sql: string) => store.query(sql),
    watch,
    stop,
  },
  stop,
);
