-- What every collector says of itself, and what passed its interfaces whatever became of it.
CREATE TABLE IF NOT EXISTS ledger
(
    `time` DateTime64(6, 'UTC') COMMENT 'When the collector reported.' CODEC(Delta(8), ZSTD(1)),
    `node` LowCardinality(String) COMMENT 'Node of the collector.',
    `boot_id` LowCardinality(String) COMMENT 'Boot of that node; totals start again with it.',
    `version` LowCardinality(String) COMMENT 'Version of the collector.',
    `generation` UInt32 COMMENT 'Policy generation that the kernel holds.' CODEC(ZSTD(1)),
    `revision` UInt32 COMMENT 'Revision of its entries.' CODEC(ZSTD(1)),
    `mode` LowCardinality(String) COMMENT 'observe, shadow or enforce.',
    `error` LowCardinality(String) COMMENT 'Why the newest policy is not in force; empty: it is.',
    `blocks` UInt64 COMMENT 'Blocks handed to the bus by this collector process.' CODEC(Delta(8), ZSTD(1)),
    `produced` UInt64 COMMENT 'Flow records handed to the bus by this collector process.' CODEC(Delta(8), ZSTD(1)),
    `lost` Map(LowCardinality(String), UInt64) COMMENT 'Records lost, by cause: ring, map, spool ...' CODEC(ZSTD(1)),
    `counters` Map(LowCardinality(String), UInt64) COMMENT 'Further counters of the collector.' CODEC(ZSTD(1)),
    `attached` Array(LowCardinality(String)) COMMENT 'Interfaces it watches, with their pods.' CODEC(ZSTD(1)),
    `hooks` Map(LowCardinality(String), LowCardinality(String)) COMMENT 'Kernel hooks: ok, or what is missing.' CODEC(ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY toMonday(time)
ORDER BY (node, boot_id, time)
TTL toDateTime(time) + toIntervalDay(90)
SETTINGS non_replicated_deduplication_window = 1000, ttl_only_drop_parts = 1
COMMENT 'Reports of the collectors: what was produced and what was lost. Totals, not deltas.';

CREATE TABLE IF NOT EXISTS odometers
(
    `time` DateTime64(6, 'UTC') COMMENT 'When the collector reported.' CODEC(Delta(8), ZSTD(1)),
    `node` LowCardinality(String) COMMENT 'Node of the interface.',
    `boot_id` LowCardinality(String) COMMENT 'Boot of that node; totals start again with it.',
    `ifindex` UInt32 COMMENT 'The interface on its node.' CODEC(ZSTD(1)),
    `interface` LowCardinality(String) COMMENT 'Name of the interface.',
    `namespace` LowCardinality(String) COMMENT 'Namespace of its pod.',
    `pod` LowCardinality(String) COMMENT 'Its pod.',
    `from_packets` UInt64 COMMENT 'Packets from the workload.' CODEC(Delta(8), ZSTD(1)),
    `from_bytes` UInt64 COMMENT 'Bytes of the IP layer from the workload.' CODEC(Delta(8), ZSTD(1)),
    `to_packets` UInt64 COMMENT 'Packets to the workload.' CODEC(Delta(8), ZSTD(1)),
    `to_bytes` UInt64 COMMENT 'Bytes of the IP layer to the workload.' CODEC(Delta(8), ZSTD(1)),
    `other_packets` UInt64 COMMENT 'Not IP, such as ARP, both ways; in no flow.' CODEC(Delta(8), ZSTD(1)),
    `malformed_packets` UInt64 COMMENT 'IP headers that do not parse; in no flow.' CODEC(Delta(8), ZSTD(1)),
    `malformed_bytes` UInt64 COMMENT 'Bytes of those.' CODEC(Delta(8), ZSTD(1)),
    `untracked_packets` UInt64 COMMENT 'IP, but the flow map had no room; in no flow.' CODEC(Delta(8), ZSTD(1)),
    `untracked_bytes` UInt64 COMMENT 'Bytes of those.' CODEC(Delta(8), ZSTD(1)),
    `denied_packets` UInt64 COMMENT 'Dropped by verdict; these are in flows too.' CODEC(Delta(8), ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY toMonday(time)
ORDER BY (node, boot_id, ifindex, time)
TTL toDateTime(time) + toIntervalDay(90)
SETTINGS non_replicated_deduplication_window = 1000, ttl_only_drop_parts = 1
COMMENT 'Totals of every watched interface since boot. What flows add up to must equal them.';
