-- Roll-ups: flows without the client's port and without addresses and pods. Each minute's block
-- feeds the hour, each hour's the day; a repeated block of flows is dropped in all of them.
-- Where a connection was seen at both ends, it is in both directions: ask for one of them.
CREATE TABLE IF NOT EXISTS edges_1m
(
    `time` DateTime('UTC') COMMENT 'Start of the minute.' CODEC(Delta(4), ZSTD(1)),
    `direction` Enum8('unknown' = 0, 'egress' = 1, 'ingress' = 2) COMMENT 'Seen at the initiator (egress) or at the responder (ingress); add up one of them.',
    `src_kind` LowCardinality(String) COMMENT 'pod, service, node or host; empty: unknown.',
    `src_namespace` LowCardinality(String) COMMENT 'Namespace of the initiator.',
    `src_workload` LowCardinality(String) COMMENT 'Workload of the initiator.',
    `src_name` LowCardinality(String) COMMENT 'Name of an initiator that is no pod.',
    `dst_kind` LowCardinality(String) COMMENT 'pod, service, node or host; empty: unknown.',
    `dst_namespace` LowCardinality(String) COMMENT 'Namespace of the responder.',
    `dst_workload` LowCardinality(String) COMMENT 'Workload of the responder.',
    `dst_name` LowCardinality(String) COMMENT 'Name of a responder that is no pod.',
    `dst_port` UInt16 COMMENT 'Port of the responder.' CODEC(ZSTD(1)),
    `protocol` LowCardinality(String) COMMENT 'TCP, UDP, ICMP ...',
    `verdict` Enum8('unknown' = 0, 'allowed' = 1, 'denied' = 2) COMMENT 'What the kernel decided.',
    `reason` LowCardinality(String) COMMENT 'Why.',
    `generation` UInt32 COMMENT 'Policy generation that gave the verdict.' CODEC(ZSTD(1)),
    `connections` SimpleAggregateFunction(sum, UInt64) COMMENT 'Connections opened.' CODEC(T64, ZSTD(1)),
    `answered` SimpleAggregateFunction(sum, UInt64) COMMENT 'Records that say the connection was answered.' CODEC(T64, ZSTD(1)),
    `refused` SimpleAggregateFunction(sum, UInt64) COMMENT 'Records that say the connection was refused.' CODEC(T64, ZSTD(1)),
    `guessed` SimpleAggregateFunction(sum, UInt64) COMMENT 'Records whose initiator is a guess.' CODEC(T64, ZSTD(1)),
    `packets` SimpleAggregateFunction(sum, UInt64) COMMENT 'Source to destination.' CODEC(T64, ZSTD(1)),
    `bytes` SimpleAggregateFunction(sum, UInt64) COMMENT 'Of the IP layer, source to destination.' CODEC(T64, ZSTD(1)),
    `reply_packets` SimpleAggregateFunction(sum, UInt64) COMMENT 'Destination to source.' CODEC(T64, ZSTD(1)),
    `reply_bytes` SimpleAggregateFunction(sum, UInt64) COMMENT 'Of the IP layer, destination to source.' CODEC(T64, ZSTD(1)),
    `rows` SimpleAggregateFunction(sum, UInt64) COMMENT 'Rows of flows in here.' CODEC(T64, ZSTD(1)),
    `first` SimpleAggregateFunction(min, DateTime64(6, 'UTC')) COMMENT 'Earliest packet of a connection in here.' CODEC(Delta(8), ZSTD(1)),
    `last` SimpleAggregateFunction(max, DateTime64(6, 'UTC')) COMMENT 'Latest packet in here.' CODEC(Delta(8), ZSTD(1))
)
ENGINE = AggregatingMergeTree
PARTITION BY toDate(time)
PRIMARY KEY (time, src_namespace, src_workload, dst_namespace, dst_workload)
ORDER BY (time, src_namespace, src_workload, dst_namespace, dst_workload, dst_port, protocol, verdict, direction, src_kind, src_name, dst_kind, dst_name, reason, generation)
TTL time + toIntervalDay(30)
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1
COMMENT 'Edges between workloads per minute.';

CREATE TABLE IF NOT EXISTS edges_1h AS edges_1m
ENGINE = AggregatingMergeTree
PARTITION BY toMonday(time)
PRIMARY KEY (time, src_namespace, src_workload, dst_namespace, dst_workload)
ORDER BY (time, src_namespace, src_workload, dst_namespace, dst_workload, dst_port, protocol, verdict, direction, src_kind, src_name, dst_kind, dst_name, reason, generation)
TTL time + toIntervalDay(400)
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1
COMMENT 'Edges between workloads per hour.';

CREATE TABLE IF NOT EXISTS edges_1d AS edges_1m
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMM(time)
PRIMARY KEY (time, src_namespace, src_workload, dst_namespace, dst_workload)
ORDER BY (time, src_namespace, src_workload, dst_namespace, dst_workload, dst_port, protocol, verdict, direction, src_kind, src_name, dst_kind, dst_name, reason, generation)
TTL time + toIntervalDay(1100)
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1
COMMENT 'Edges between workloads per day (UTC).';

ALTER TABLE edges_1h COMMENT COLUMN `time` 'Start of the hour.';

ALTER TABLE edges_1d COMMENT COLUMN `time` 'Start of the day, UTC.';

CREATE MATERIALIZED VIEW IF NOT EXISTS edges_1m_from_flows TO edges_1m AS
SELECT
    toStartOfMinute(time) AS time,
    direction, src_kind, src_namespace, src_workload, src_name,
    dst_kind, dst_namespace, dst_workload, dst_name, dst_port,
    protocol, verdict, reason, generation,
    sum(flows.connections) AS connections,
    countIf(flows.answered) AS answered,
    countIf(flows.refused) AS refused,
    countIf(flows.guessed) AS guessed,
    sum(flows.packets) AS packets,
    sum(flows.bytes) AS bytes,
    sum(flows.reply_packets) AS reply_packets,
    sum(flows.reply_bytes) AS reply_bytes,
    count() AS rows,
    min(flows.start) AS first,
    max(flows.last) AS last
FROM flows
GROUP BY time, direction, src_kind, src_namespace, src_workload, src_name, dst_kind, dst_namespace, dst_workload, dst_name, dst_port, protocol, verdict, reason, generation;

CREATE MATERIALIZED VIEW IF NOT EXISTS edges_1h_from_1m TO edges_1h AS
SELECT
    toStartOfHour(time) AS time,
    direction, src_kind, src_namespace, src_workload, src_name,
    dst_kind, dst_namespace, dst_workload, dst_name, dst_port,
    protocol, verdict, reason, generation,
    sum(edges_1m.connections) AS connections,
    sum(edges_1m.answered) AS answered,
    sum(edges_1m.refused) AS refused,
    sum(edges_1m.guessed) AS guessed,
    sum(edges_1m.packets) AS packets,
    sum(edges_1m.bytes) AS bytes,
    sum(edges_1m.reply_packets) AS reply_packets,
    sum(edges_1m.reply_bytes) AS reply_bytes,
    sum(edges_1m.rows) AS rows,
    min(edges_1m.first) AS first,
    max(edges_1m.last) AS last
FROM edges_1m
GROUP BY time, direction, src_kind, src_namespace, src_workload, src_name, dst_kind, dst_namespace, dst_workload, dst_name, dst_port, protocol, verdict, reason, generation;

CREATE MATERIALIZED VIEW IF NOT EXISTS edges_1d_from_1h TO edges_1d AS
SELECT
    toStartOfDay(time) AS time,
    direction, src_kind, src_namespace, src_workload, src_name,
    dst_kind, dst_namespace, dst_workload, dst_name, dst_port,
    protocol, verdict, reason, generation,
    sum(edges_1h.connections) AS connections,
    sum(edges_1h.answered) AS answered,
    sum(edges_1h.refused) AS refused,
    sum(edges_1h.guessed) AS guessed,
    sum(edges_1h.packets) AS packets,
    sum(edges_1h.bytes) AS bytes,
    sum(edges_1h.reply_packets) AS reply_packets,
    sum(edges_1h.reply_bytes) AS reply_bytes,
    sum(edges_1h.rows) AS rows,
    min(edges_1h.first) AS first,
    max(edges_1h.last) AS last
FROM edges_1h
GROUP BY time, direction, src_kind, src_namespace, src_workload, src_name, dst_kind, dst_namespace, dst_workload, dst_name, dst_port, protocol, verdict, reason, generation;
