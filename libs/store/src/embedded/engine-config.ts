import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { dictionaryNames } from "../insert-settings.ts";

/** Sizes of the engine; the caches are upper bounds that fill with use. */
export interface EngineLimits {
  /** Of the engine as a whole; statements beyond it fail, the process lives. */
  maxServerMemoryBytes: number;
  markCacheBytes: number;
  primaryIndexCacheBytes: number;
  /** Threads that merge parts. */
  mergeThreads: number;
  /** Threads of one statement. */
  maxThreadsPerQuery: number;
  /** With less free on the disk inserts are refused, so that merges can still end; 0: down to nothing. */
  minFreeBytes: number;
  /**
   * How many times larger than its largest part a merge has to be. The engine's own 5 writes a row
   * half as often again; old and small parts it merges all the same.
   */
  mergeBase: number;
}

export const defaultEngineLimits: EngineLimits = {
  maxServerMemoryBytes: 4 * 1024 * 1024 * 1024,
  markCacheBytes: 64 * 1024 * 1024,
  primaryIndexCacheBytes: 64 * 1024 * 1024,
  mergeThreads: 2,
  maxThreadsPerQuery: 2,
  minFreeBytes: 128 * 1024 * 1024,
  mergeBase: 10,
};

/** Role of statements that weir builds itself. It may do everything but reach out of the engine. */
export const ownerRole = "weir_owner";
/** Role of untrusted statements: reads the tables of one database. */
export const readerRole = "weir_reader";

/**
 * Writes the engine's configuration beside its data; returns the path of the main file.
 *
 * The users file is what closes the engine: the only user has no right to any source (files,
 * URLs, other servers, buckets) except through its roles, and neither role has one.
 */
export async function writeEngineConfig(
  directory: string,
  database: string,
  limits: EngineLimits,
  backups?: string,
): Promise<string> {
  const folder = join(directory, "config");
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const file = join(folder, "engine.xml");
  await writeFile(join(folder, "users.xml"), usersXml(database, backups !== undefined), {
    mode: 0o600,
  });
  await writeFile(file, engineXml(limits, backups), { mode: 0o600 });
  return file;
}

function engineXml(limits: EngineLimits, backups: string | undefined): string {
  const settings: Record<string, number> = {
    max_server_memory_usage: limits.maxServerMemoryBytes,
    mark_cache_size: limits.markCacheBytes,
    primary_index_cache_size: limits.primaryIndexCacheBytes,
    index_mark_cache_size: limits.markCacheBytes,
    query_condition_cache_size: 16 * 1024 * 1024,
    compiled_expression_cache_size: 16 * 1024 * 1024,
    text_index_tokens_cache_size: 0,
    text_index_header_cache_size: 0,
    text_index_postings_cache_size: 0,
    vector_similarity_index_cache_size: 0,
    iceberg_metadata_files_cache_size: 0,
    parquet_metadata_cache_size: 0,
    mmap_cache_size: 64,
    background_pool_size: limits.mergeThreads,
    background_schedule_pool_size: 4,
    background_schedule_pool_initial_size: 4,
    // Every engine opened in a process leaves about five threads behind when it is closed; at this
    // bound every statement waits for ever.
    max_thread_pool_size: 1000,
    max_thread_pool_free_size: 8,
    max_io_thread_pool_size: 16,
    max_active_parts_loading_thread_pool_size: 4,
    max_outdated_parts_loading_thread_pool_size: 2,
    max_parts_cleaning_thread_pool_size: 2,
    threadpool_local_fs_reader_pool_size: 8,
    threadpool_remote_fs_reader_pool_size: 1,
    prefetch_threadpool_pool_size: 2,
    load_marks_threadpool_pool_size: 4,
    jemalloc_max_background_threads_num: 1,
  };
  const lines = Object.entries(settings).map(([name, value]) => `  <${name}>${value}</${name}>`);
  if (backups !== undefined)
    lines.push(`  <backups><allowed_path>${xmlText(backups)}</allowed_path></backups>`);
  return `<clickhouse>
  <user_directories><users_xml><path>users.xml</path></users_xml></user_directories>
${lines.join("\n")}
  <merge_tree>
    <min_free_disk_bytes_to_perform_insert>${limits.minFreeBytes}</min_free_disk_bytes_to_perform_insert>
    <merge_selector_base>${limits.mergeBase}</merge_selector_base>
    <auto_statistics_types></auto_statistics_types>
  </merge_tree>
</clickhouse>
`;
}

function xmlText(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

function usersXml(database: string, mayBackUp: boolean): string {
  const backup = mayBackUp ? "BACKUP, " : "";
  return `<clickhouse>
  <profiles><default>
    <low_cardinality_max_dictionary_size>${dictionaryNames}</low_cardinality_max_dictionary_size>
  </default></profiles>
  <quotas><default/></quotas>
  <roles>
    <${ownerRole}><grants>
      <query>GRANT ${backup}CHECK, SHOW, SELECT, INSERT, ALTER, CREATE, DROP, UNDROP TABLE, TRUNCATE, OPTIMIZE, KILL QUERY, SYSTEM ON *.*</query>
      <query>GRANT TABLE ENGINE ON *</query>
    </grants></${ownerRole}>
    <${readerRole}><grants>
      <query>GRANT SELECT ON ${database}.*</query>
    </grants></${readerRole}>
  </roles>
  <users>
    <default>
      <password></password>
      <networks><ip>::/0</ip></networks>
      <profile>default</profile>
      <quota>default</quota>
      <access_management>0</access_management>
      <named_collection_control>0</named_collection_control>
      <grants>
        <query>GRANT ${ownerRole}</query>
        <query>GRANT ${readerRole}</query>
      </grants>
    </default>
  </users>
</clickhouse>
`;
}
