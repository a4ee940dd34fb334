export {
  type ChangeRow,
  changesQuery,
  policiesAtQuery,
  workloadsAtQuery,
  type WorkloadThen,
} from "./as-it-was.ts";
export { type AskedRange, askedRange } from "./asked/asked-range.ts";
export {
  certainQuery,
  type CertainRow,
  completenessQuery,
  type CompletenessRow,
  type GapRow,
  gapsQuery,
  keptQuery,
  type KeptRow,
} from "./completeness/questions.ts";
export { type Slice, slices } from "./completeness/slices.ts";
export {
  type Completeness,
  type Counted,
  counted,
  missing,
  type NodeGap,
  tooRecent,
  verdictOf,
} from "./completeness/verdict.ts";
export {
  deadLetterQuery,
  type DeadLetterRow,
  deadLettersQuery,
  type DeadLettersQuestion,
  type LetterBytesRow,
  type LetterPlace,
  maxLetterRows,
  parsePlace,
  placeText,
  sameLettersQuery,
  type SameLettersRow,
  storedBlockQuery,
} from "./dead-letters.ts";
export { type EdgeRow, edgesQuery, type EdgesQuestion } from "./edges.ts";
export { type EndFilter, parseEnd } from "./end.ts";
export {
  countEventsQuery,
  leftOutEventsQuery,
  type EventFilter,
  eventLine,
  type EventLine,
  type EventRow,
  eventsQuery,
  type EventsQuestion,
  isEventOf,
  maxEventRows,
} from "./events.ts";
export {
  type CloseReason,
  type FlowEnd,
  type FlowKnowledge,
  flowLine,
  type FlowLine,
  type FlowLineProcess,
  type FlowRow,
} from "./flow-line.ts";
export { conditionsOf, type Condition, type Filter } from "./filter/check.ts";
export { complete, type Completion, type KnownValues } from "./filter/complete.ts";
export { concernsNode } from "./filter/concerns.ts";
export { matches } from "./filter/evaluate.ts";
export { type Field, fields, type FieldType } from "./filter/fields.ts";
export { FilterError } from "./filter/filter-error.ts";
export { liveMatcher } from "./filter/live.ts";
export { maxFilterLength } from "./filter/follow.ts";
export { parseFilter } from "./filter/parse.ts";
export { filterSql } from "./filter/sql.ts";
export {
  cursorAfter,
  cursorText,
  type FlowCursor,
  flowsQuery,
  type FlowsQuestion,
  maxFlowRows,
  parseCursor,
} from "./flows.ts";
export {
  defaultSettleSeconds,
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
export { type Bucket, bucketAt } from "./totals/bucket.ts";
export {
  maxTotalsRows,
  type Measure,
  measures,
  totalsQuery,
  type TotalsQuestion,
  type TotalsRow,
  type TotalsStatement,
} from "./totals/totals.ts";
export { parseDuration, parseTime } from "./time.ts";
export { parseSumsCursor, type SumsCursor, sumsCursorText } from "./page.ts";
