import type { Filter } from "./check.ts";
import { matches } from "./evaluate.ts";

/** Whether rows of that node can be among those that a filter selects. */
export function concernsNode(filter: Filter, node: string): boolean {
  return possible(filter, node, true);
}

/** Whether the filter can come out as `wanted` for some row of the node. */
function possible(filter: Filter, node: string, wanted: boolean): boolean {
  switch (filter.kind) {
    case "and":
      return wanted
        ? filter.parts.every((part) => possible(part, node, true))
        : filter.parts.some((part) => possible(part, node, false));
    case "or":
      return wanted
        ? filter.parts.some((part) => possible(part, node, true))
        : filter.parts.every((part) => possible(part, node, false));
    case "not":
      return possible(filter.part, node, !wanted);
    default:
      return filter.field.name !== "node" || matches(filter, { node }) === wanted;
  }
}
