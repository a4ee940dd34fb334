export { AnsweredNames } from "./answered-names.ts";
export type { AnsweredNamesBounds, AnsweredNamesCounters } from "./answered-names.ts";
export { describeFlow } from "./describe-flow.ts";
export { readDnsAnswer } from "./dns-answer.ts";
export type { DnsAnswer } from "./dns-answer.ts";
export type * from "./endpoint.ts";
export { ExternalNetworks, NetworkListError } from "./external-networks.ts";
export { hostSource } from "./host-source.ts";
export type { HostOptions } from "./host-source.ts";
export { IdentityIndex } from "./identity-index.ts";
export type { IdentityBounds, IdentityCounters } from "./identity-index.ts";
export {
  announceCollectors,
  CollectorSign,
  collectorPath,
  removeVoidSigns,
  watchedBy,
  withdrawCollectors,
} from "./lab-collectors.ts";
export type * from "./lab-file.ts";
export { labWorkloads } from "./lab-workloads.ts";
export { manifestWorkloads } from "./manifest-workloads.ts";
export { processStart } from "./process-start.ts";
export { ReasonTexts } from "./reason-text.ts";
export type { WorkloadListener, WorkloadSnapshot, WorkloadSource } from "./source.ts";
export { watchLabs } from "./watch-labs.ts";
export { watchManifests } from "./watch-manifests.ts";
export { watchRunDirectory } from "./watch-run-directory.ts";
export type { RunDirectoryListener, RunDirectoryWatch, RunState } from "./watch-run-directory.ts";
export { workloadCluster } from "./workload-cluster.ts";
export { externalKind, partyAt, unknownParty, workloadKey, workloadRef } from "./workload-ref.ts";
export type { Party, WorkloadRef } from "./workload-ref.ts";
