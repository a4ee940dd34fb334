CREATE TABLE IF NOT EXISTS dead_letters
(
    `time` DateTime64(6, 'UTC') COMMENT 'When the function gave it up.' CODEC(Delta(8), ZSTD(1)),
    `topic` LowCardinality(String) COMMENT 'Topic of the message.',
    `partition` UInt32 COMMENT 'Partition of the message.',
    `offset` UInt64 COMMENT 'Offset of the message.',
    `function` LowCardinality(String) COMMENT 'Function that could not take it.',
    `reason` String COMMENT 'Why.' CODEC(ZSTD(1)),
    `key` String COMMENT 'Key of the message, bytes as they were.' CODEC(ZSTD(1)),
    `value` String COMMENT 'The message, bytes as they were.' CODEC(ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(time)
ORDER BY (topic, partition, offset)
TTL toDateTime(time) + toIntervalDay(30)
SETTINGS non_replicated_deduplication_window = 1000, ttl_only_drop_parts = 1
COMMENT 'Messages that a function could not take; their neighbours went on.';
