/** A collector as the cluster runs it, in a process of its own. */
import { createKafkaBus, createMemoryBus, topics } from "@weir/bus";
import type { Bus, KafkaBusOptions } from "@weir/bus";
import { collectorConfig, startCollector } from "@weir/collector";
import type { CollectorConfigInput } from "@weir/collector";
import { createLog } from "@weir/runtime";
import { answer } from "@weir/test-load";

export interface CollectorTask {
  /** Without one the bus takes no flows, as a broker that hangs: they end in the spool. */
  broker?: string | undefined;
  /** Default: as collectors have it. */
  producer?: KafkaBusOptions["producer"] | undefined;
  config: CollectorConfigInput;
}

export interface CollectorUse {
  cpuSeconds: number;
  rssMiB: number;
  /** The most that was seen since the start, four times a second. */
  mostRssMiB: number;
  /** Records taken from the ring. */
  edges: number;
  swept: number;
  ringFull: number;
  flowsLive: number;
  sweepMs: number;
  drainGapMs: number;
  /** Connections whose ports began again before their end was told: told with the next ones. */
  merged: number;
  /** Without a broker nothing is sent. */
  isSending: boolean;
  /** Of flows, in the spool or past it. */
  spooledRecords: number;
  sentRecords: number;
  lost: Record<string, number>;
}

const { broker, producer, config } = JSON.parse(process.argv[2] ?? "{}") as CollectorTask;

/** Reports and policies go their way; flows are taken by nobody. */
function hangingBus(): Bus {
  const bus = createMemoryBus();
  return new Proxy(bus, {
    get(target, name) {
      if (name === "send") {
        return (topic: string, messages: Parameters<Bus["send"]>[1]) =>
          topic === topics.flows.name
            ? new Promise<void>(() => undefined)
            : target.send(topic, messages);
      }
      const found: unknown = Reflect.get(target, name, target);
      return typeof found === "function" ? (found.bind(target) as unknown) : found;
    },
  });
}

const mib = 2 ** 20;
let mostRss = 0;
const sampling = setInterval(() => {
  mostRss = Math.max(mostRss, process.memoryUsage.rss());
}, 250);

const bus =
  broker === undefined
    ? hangingBus()
    : createKafkaBus({ brokers: [broker], ...(producer === undefined ? {} : { producer }) });
await bus.ensureTopics(Object.values(topics));
// One whose bus hangs warns of it when it stops.
const log = createLog({ name: "collector", level: broker === undefined ? "error" : "warn" });
const collector = await startCollector(collectorConfig.parse(config), { bus, log });

function use(): CollectorUse {
  const { user, system } = process.cpuUsage();
  const { counters, lost, produced } = collector.status();
  const rss = process.memoryUsage.rss();
  mostRss = Math.max(mostRss, rss);
  const waiting = counters["spool_waiting_records"] ?? 0;
  return {
    cpuSeconds: (user + system) / 1e6,
    rssMiB: rss / mib,
    mostRssMiB: mostRss / mib,
    edges: counters["edges"] ?? 0,
    swept: counters["swept"] ?? 0,
    ringFull: counters["ring_full"] ?? 0,
    flowsLive: counters["flows_live"] ?? 0,
    sweepMs: counters["sweep_ms"] ?? 0,
    drainGapMs: counters["drain_gap_ms"] ?? 0,
    merged: counters["edges_merged"] ?? 0,
    isSending: broker !== undefined,
    spooledRecords: produced + waiting,
    sentRecords: produced,
    lost,
  };
}

let stopped: Promise<void> | undefined;
function stop(): Promise<void> {
  clearInterval(sampling);
  stopped ??= collector.stop({ detach: true }).then(() => bus.close());
  return stopped;
}

answer({ ready: () => collector.status().attached, use, stop }, stop);
