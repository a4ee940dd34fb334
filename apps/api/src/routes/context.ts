import type { Bus } from "@weir/bus";
import type { Health, Log, Metrics } from "@weir/runtime";
import type { Store } from "@weir/store";
import type { HistoryCompleteness } from "../completeness.ts";
import type { ApiConfig } from "../config.ts";
import type { EnactedAnswer } from "../answers.ts";
import type { ChangeOnTurn } from "../enact.ts";
import type { LiveEvents, LiveFlows } from "../live.ts";
import type { Nodes } from "../nodes.ts";
import type { Policies } from "../policies.ts";
import type { Who } from "../who.ts";

/** What the routes answer from. */
export interface Context {
  config: ApiConfig;
  bus: Bus;
  store: Store;
  log: Log;
  /** All pages of /metrics: of one station, or of every station in this process. */
  metrics: () => Metrics[];
  health: Health;
  nodes: Nodes;
  policies: Policies;
  who: Who;
  live: LiveFlows;
  liveEvents: LiveEvents;
  completeness: HistoryCompleteness;
  enact(change: ChangeOnTurn): Promise<EnactedAnswer>;
}
