import { type EndFilter, parseEnd } from "@weir/query";
import type { FlowEnd, FlowLine } from "./answers.ts";

/** Which flows are asked for, as the parameters say it. */
export interface FlowFilter {
  from?: string | undefined;
  to?: string | undefined;
  namespace?: string | undefined;
  port?: number | undefined;
  protocol?: string | undefined;
  verdict?: "allowed" | "denied" | undefined;
}

/** The filter with its ends understood. Throws QuestionError. */
export function questionOf(filter: FlowFilter): Omit<FlowFilter, "from" | "to"> & {
  from?: EndFilter;
  to?: EndFilter;
} {
  const { from, to, ...rest } = filter;
  return {
    ...rest,
    ...(from === undefined ? {} : { from: parseEnd(from) }),
    ...(to === undefined ? {} : { to: parseEnd(to) }),
  };
}

/** The filter as a test on a flow, for the live tail. Throws QuestionError. */
export function matcher(filter: FlowFilter): (flow: FlowLine) => boolean {
  const { from, to, namespace, port, protocol, verdict } = questionOf(filter);
  const named = protocol?.toUpperCase();
  return (flow) =>
    (verdict === undefined || flow.verdict === verdict) &&
    (port === undefined || flow.destination.port === port) &&
    (named === undefined || flow.protocol.toUpperCase() === named) &&
    (namespace === undefined ||
      flow.source.namespace === namespace ||
      flow.destination.namespace === namespace) &&
    (from === undefined || isEnd(flow.source, from)) &&
    (to === undefined || isEnd(flow.destination, to));
}

/** The same as libs/query asks of stored flows. */
function isEnd(end: FlowEnd, asked: EndFilter): boolean {
  if ("name" in asked) {
    return [end.ip, end.workload, end.name].includes(asked.name);
  }
  const { namespace, pod } = asked;
  return (end.namespace ?? "") === namespace && (end.pod === pod || end.workload === pod);
}
