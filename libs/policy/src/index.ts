export * from "./address.ts";
export * from "./manifest-objects.ts";
export * from "./manifests.ts";
export * from "./network-policy.ts";
export * from "./problem.ts";
export * from "./protocol.ts";
export * from "./selector.ts";
export * from "./cluster.ts";
export * from "./expand.ts";
export * from "./compile.ts";
export * from "./compiled.ts";
export type {
  CompiledDelta,
  CompiledTables,
  EndpointEntryKey,
  IdentityEntryKey,
  RuleEntryKey,
} from "./compiled-delta.ts";
export { applyDelta, compiledOf, diffCompiled, isEmptyDelta, tablesOf } from "./compiled-delta.ts";
export type { ClusterNamespace, CompilerChange } from "./policy-compiler.ts";
export { PolicyCompiler } from "./policy-compiler.ts";
export * from "./judge-compiled.ts";
export * from "./judge.ts";
export * from "./tier.ts";
export * from "./traffic.ts";
export * from "./named-party.ts";
export * from "./observed-edge.ts";
export * from "./recommend.ts";
export type { ScanThresholds } from "./scan.ts";
export { usualScanThresholds } from "./scan.ts";
export * from "./matrix.ts";
export * from "./observed-row.ts";
export * from "./edit.ts";
export * from "./explain.ts";
export * from "./lint.ts";
export { placeIn } from "./locations.ts";
export * from "./replay.ts";
