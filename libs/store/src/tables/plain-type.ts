/** The type of a value where merging parts adds up, or keeps the latest of, a column's values. */
export function plainType(type: string): string {
  return /^SimpleAggregateFunction\(\w+, (.*)\)$/.exec(type)?.[1] ?? type;
}
