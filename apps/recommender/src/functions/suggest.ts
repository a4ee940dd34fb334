import { topics } from "@weir/bus";
import { defineFunction } from "@weir/functions";

export interface SuggestServices {
  /** New flows are on their way to the store. */
  signal(): void;
}

/** Flows as a signal: what they say is read from the store, where they have names. */
export default defineFunction<SuggestServices>({
  name: "suggest",
  input: topics.flows.name,
  outputs: [topics.suggestions.name],
  batch: { maxMessages: 5000, maxBytes: 16_777_216, maxWaitMs: 500 },
  retry: { maxAttempts: 5, firstDelayMs: 100, maxDelayMs: 10_000 },
  start: (services) => ({
    handle: async () => {
      services.signal();
    },
  }),
});
