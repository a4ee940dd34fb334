import { type Bus, topics } from "@weir/bus";
import { createFlowDecoder, eventCodec } from "@weir/codec";
import { type IdentityIndex, ReasonTexts, describeFlow } from "@weir/identity";
import { type EventLine, eventLine } from "@weir/query";
import type { Log, PartCounters } from "@weir/runtime";
import type { FlowLine } from "./answers.ts";
import { type LiveTail, createLiveTail } from "./live-tail.ts";

export type LiveFlows = LiveTail<FlowLine>;
export type LiveEvents = LiveTail<EventLine>;

export interface LiveOptions {
  bus: Bus;
  maxClients: number;
  maxQueued: number;
  log: Log;
  counters: PartCounters;
}

/** Flows as they come over the bus, with the names of now. */
export function createLiveFlows(options: LiveOptions & { identity: IdentityIndex }): LiveFlows {
  const { identity, ...tail } = options;
  const decoder = createFlowDecoder();
  return createLiveTail({
    ...tail,
    topic: topics.flows.name,
    *read(message) {
      const columns = decoder.decode(message);
      const reasons = new ReasonTexts(columns.rules);
      for (let row = 0; row < columns.count; row++)
        yield describeFlow(columns, row, identity, reasons);
    },
  });
}

/** What happens and is no flow. */
export function createLiveEvents(options: LiveOptions): LiveEvents {
  return createLiveTail({
    ...options,
    topic: topics.events.name,
    *read(message) {
      const { time, ...event } = eventCodec.decode(message);
      yield eventLine({ ...event, time: timeText(time) });
    },
  });
}

/** Microseconds since 1970 as the store prints them. */
function timeText(micros: number): string {
  const seconds = Math.floor(micros / 1_000_000);
  const fraction = String(micros - seconds * 1_000_000).padStart(6, "0");
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}.${fraction}Z`;
}
