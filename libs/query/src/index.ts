export { type EdgeRow, edgesQuery, type EdgesQuestion } from "./edges.ts";
export { type EndFilter, parseEnd } from "./end.ts";
export { type FlowEnd, flowLine, type FlowLine, type FlowRow } from "./flow-line.ts";
export { flowsQuery, type FlowsQuestion, maxFlowRows } from "./flows.ts";
export {
  ledgerAnswer,
  type LedgerAnswer,
  type LedgerNode,
  ledgerQuery,
  type LedgerQuestion,
  type LedgerRange,
  type LedgerRow,
} from "./ledger.ts";
export { policyHistoryQuery, type PolicyHistoryRow } from "./policy-history.ts";
export { QuestionError } from "./question-error.ts";
export type { TimeRange } from "./range.ts";
export {
  type ColumnRow,
  describeQuery,
  publicTables,
  type TableRow,
  tablesQuery,
} from "./schema.ts";
export type { Statement } from "./statement.ts";
export { parseDuration, parseTime } from "./time.ts";
