import { deadLetters } from "./dead-letters.ts";
import { edgeFeeds, edges } from "./edges.ts";
import { events } from "./events.ts";
import { flows } from "./flows.ts";
import { ledger, odometers } from "./ledger.ts";
import { policyGenerations, policyVersions } from "./policies.ts";
import type { FeedDefinition, TableDefinition, ViewDefinition } from "./table.ts";
import { views, workloadFeed } from "./views.ts";
import { workloadRecords, workloadVersions } from "./workloads.ts";

export interface SchemaDefinition {
  tables: readonly TableDefinition[];
  feeds: readonly FeedDefinition[];
  views: readonly ViewDefinition[];
}

/** Everything that a database of weir has, as it is meant to be. */
export const schema: SchemaDefinition = {
  tables: [
    flows,
    ...edges,
    policyGenerations,
    policyVersions,
    workloadRecords,
    workloadVersions,
    ledger,
    odometers,
    events,
    deadLetters,
  ],
  feeds: [...edgeFeeds, workloadFeed],
  views,
};
