import type { TopicSpec } from "./bus.ts";

const dayMs = 24 * 3600 * 1000;

/** Every topic of weir. The value is described by schemas/events/<name>.avsc. */
export const topics = {
  flows: { name: "weir.flows.v1", partitions: 4, compacted: false, retentionMs: dayMs },
  workloads: { name: "weir.workloads.v1", partitions: 1, compacted: true },
  policies: { name: "weir.policies.v1", partitions: 1, compacted: true },
  policyDocuments: { name: "weir.policy-documents.v1", partitions: 1, compacted: true },
  nodes: { name: "weir.nodes.v1", partitions: 1, compacted: true },
  controllers: { name: "weir.controllers.v1", partitions: 1, compacted: true },
  suggestions: { name: "weir.suggestions.v1", partitions: 1, compacted: true },
  events: { name: "weir.events.v1", partitions: 1, compacted: false, retentionMs: 7 * dayMs },
  deadLetters: {
    name: "weir.dead-letters.v1",
    partitions: 1,
    compacted: false,
    retentionMs: 7 * dayMs,
  },
} as const satisfies Record<string, TopicSpec>;
