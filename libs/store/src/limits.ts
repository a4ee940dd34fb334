import type { QueryLimits } from "./contract.ts";

/** What one statement may take unless the caller says otherwise. */
export const defaultQueryLimits: QueryLimits = {
  maxSeconds: 30,
  maxMemoryBytes: 1024 * 1024 * 1024,
  maxResultRows: 1_000_000,
};

/** Limits of the caller within those of the store: an option may narrow, never widen. */
export function narrowed(store: QueryLimits, asked: Partial<QueryLimits> = {}): QueryLimits {
  const least = (name: keyof QueryLimits) => Math.min(store[name], asked[name] ?? Infinity);
  return {
    maxSeconds: least("maxSeconds"),
    maxMemoryBytes: least("maxMemoryBytes"),
    maxResultRows: least("maxResultRows"),
  };
}

/** As settings of the engine. */
export function limitSettings(limits: QueryLimits): Record<string, string | number> {
  return {
    max_execution_time: limits.maxSeconds,
    timeout_overflow_mode: "throw",
    max_memory_usage: limits.maxMemoryBytes,
    max_result_rows: limits.maxResultRows,
    result_overflow_mode: "throw",
    max_bytes_before_external_group_by: Math.floor(limits.maxMemoryBytes / 2),
    max_bytes_before_external_sort: Math.floor(limits.maxMemoryBytes / 2),
  };
}

/**
 * Of every statement. Results: times RFC 3339, 64-bit integers as JSON numbers, src_ip and dst_ip in
 * `*`. Reading: the newest rows that match come from the newest parts; the engine's buffer ahead of
 * the sorting would fill from every part, through all of it where few rows match.
 */
export const statementSettings: Record<string, string | number> = {
  output_format_json_quote_64bit_integers: 0,
  date_time_output_format: "iso",
  date_time_input_format: "best_effort",
  asterisk_include_alias_columns: 1,
  read_in_order_use_buffering: 0,
};
