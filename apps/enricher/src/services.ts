import type { Bus } from "@weir/bus";
import type { ExternalNetworks, IdentityIndex } from "@weir/identity";
import type { Metrics } from "@weir/runtime";
import type { Store } from "@weir/store";
import type { LateIdentities } from "./late-identities.ts";

/** What the functions of this station work through. */
export interface EnricherServices {
  store: Store;
  bus: Bus;
  /** Fed from the table of workloads, caught up before the first flow is enriched. */
  identity: IdentityIndex;
  /** Names of networks that no workload has an address of, as they are now. */
  networks: () => ExternalNetworks;
  /** What a batch of flows waits for before it is written. */
  lateIdentities: LateIdentities;
  metrics: Metrics;
}
