import { type EndFilter, type Filter, liveMatcher, parseEnd, parseFilter } from "@weir/query";
import type { FlowEnd, FlowLine } from "./answers.ts";

/** Which flows are asked for, as the parameters say it. */
export interface FlowFilter {
  from?: string | undefined;
  to?: string | undefined;
  namespace?: string | undefined;
  port?: number | undefined;
  protocol?: string | undefined;
  verdict?: "allowed" | "denied" | undefined;
  /** In the grammar of libs/query. */
  filter?: string | undefined;
}

/** The filter with its ends and its text understood. Throws QuestionError. */
export function questionOf(asked: FlowFilter): Omit<FlowFilter, "from" | "to" | "filter"> & {
  from?: EndFilter;
  to?: EndFilter;
  filter?: Filter;
} {
  const { from, to, filter, ...rest } = asked;
  return {
    ...rest,
    ...(from === undefined ? {} : { from: parseEnd(from) }),
    ...(to === undefined ? {} : { to: parseEnd(to) }),
    ...(filter === undefined ? {} : { filter: parseFilter(filter, Date.now()) }),
  };
}

/** The filter as a test on a flow, for the live tail. Throws QuestionError. */
export function matcher(asked: FlowFilter): (flow: FlowLine) => boolean {
  const { from, to, namespace, port, protocol, verdict, filter } = questionOf(asked);
  const passes = filter === undefined ? undefined : liveMatcher(asked.filter ?? "", filter);
  const named = protocol?.toUpperCase();
  return (flow) =>
    (verdict === undefined || flow.verdict === verdict) &&
    (port === undefined || flow.destination.port === port) &&
    (named === undefined || flow.protocol.toUpperCase() === named) &&
    (namespace === undefined ||
      flow.source.namespace === namespace ||
      flow.destination.namespace === namespace) &&
    (from === undefined || isEnd(flow.source, from)) &&
    (to === undefined || isEnd(flow.destination, to)) &&
    (passes === undefined || passes(flow));
}

/** The same as libs/query asks of stored flows. */
function isEnd(end: FlowEnd, asked: EndFilter): boolean {
  if ("name" in asked) {
    return [end.ip, end.workload, end.name].includes(asked.name);
  }
  const { namespace, pod } = asked;
  return (end.namespace ?? "") === namespace && (end.pod === pod || end.workload === pod);
}
