CREATE TABLE IF NOT EXISTS events
(
    `time` DateTime64(6, 'UTC') COMMENT 'When it happened.' CODEC(Delta(8), ZSTD(1)),
    `node` LowCardinality(String) COMMENT 'Node it happened on.',
    `boot_id` LowCardinality(String) COMMENT 'Boot of that node.',
    `kind` LowCardinality(String) COMMENT 'What happened, such as exec or policy-error.',
    `namespace` LowCardinality(String) COMMENT 'Namespace of the pod it concerns.',
    `workload` LowCardinality(String) COMMENT 'Workload it concerns.',
    `pod` LowCardinality(String) COMMENT 'Pod it concerns.',
    `text` String COMMENT 'One line for people.' CODEC(ZSTD(1)),
    `fields` Map(LowCardinality(String), String) COMMENT 'Details, by kind.' CODEC(ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY toDate(time)
ORDER BY (kind, namespace, workload, time)
TTL toDateTime(time) + toIntervalDay(90)
SETTINGS non_replicated_deduplication_window = 1000, ttl_only_drop_parts = 1
COMMENT 'What happened that is no flow.';
