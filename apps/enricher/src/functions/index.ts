import type { StreamFunction } from "@weir/functions";
import type { EnricherServices } from "../services.ts";
import deadLetters from "./dead-letters.ts";
import events from "./events.ts";
import flows from "./flows.ts";
import nodes from "./nodes.ts";
import policies from "./policies.ts";
import workloads from "./workloads.ts";

/** The station's functions by the name they are started by. */
export const functions = {
  workloads,
  policies,
  nodes,
  events,
  "dead-letters": deadLetters,
  flows,
} as const satisfies Record<string, StreamFunction<EnricherServices>>;

export type FunctionName = keyof typeof functions;
export const functionNames = Object.keys(functions) as FunctionName[];
