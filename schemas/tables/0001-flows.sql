-- What every interface saw of every connection. Sorted by five minutes, then by edge: one edge's
-- rows lie together, so names and addresses cost next to nothing.
CREATE TABLE IF NOT EXISTS flows
(
    `time` DateTime64(6, 'UTC') COMMENT 'When the record was made.' CODEC(Delta(8), ZSTD(1)),
    `start` DateTime64(6, 'UTC') COMMENT 'First packet of the connection.' CODEC(Delta(8), ZSTD(1)),
    `last` DateTime64(6, 'UTC') COMMENT 'Latest packet of the connection.' CODEC(Delta(8), ZSTD(1)),
    `node` LowCardinality(String) COMMENT 'Node of the observing interface.',
    `boot_id` LowCardinality(String) COMMENT 'Boot of that node: counters and block numbers are per boot.',
    `block` UInt64 COMMENT 'Number of the message that brought the row; counts up per node.' CODEC(Delta(8), ZSTD(1)),
    `kind` Enum8('unknown' = 0, 'opened' = 1, 'closed' = 2, 'denied_edge' = 3, 'changed' = 4, 'active' = 5, 'idle' = 6) COMMENT 'What made the record: the end of a connection, a denial, a change of its verdict, or a sweep over those still open.',
    `direction` Enum8('unknown' = 0, 'egress' = 1, 'ingress' = 2) COMMENT 'Where the observing interface stands: egress at the initiator, ingress at the responder. A connection between two pods is seen at both.',
    `src_addr` IPv6 COMMENT 'The initiator; IPv4 as ::ffff:a.b.c.d.' CODEC(ZSTD(1)),
    `src_ip` String ALIAS if(IPv6NumToString(src_addr) LIKE '::ffff:%.%', substring(IPv6NumToString(src_addr), 8), IPv6NumToString(src_addr)) COMMENT 'src_addr as text: 10.0.0.1 or fd00::1.',
    `src_port` UInt16 COMMENT 'Port of the initiator; ICMP: echo identifier, else 0.' CODEC(ZSTD(1)),
    `src_kind` LowCardinality(String) COMMENT 'pod, service, node or host; empty: unknown.',
    `src_namespace` LowCardinality(String) COMMENT 'Namespace of the initiator; empty: unknown or none.',
    `src_workload` LowCardinality(String) COMMENT 'Top owner of the initiator, such as its Deployment.',
    `src_pod` LowCardinality(String) COMMENT 'Pod of the initiator.',
    `src_name` LowCardinality(String) COMMENT 'Name of an initiator that is no pod: node, host process or DNS name.',
    `dst_addr` IPv6 COMMENT 'The responder; IPv4 as ::ffff:a.b.c.d.' CODEC(ZSTD(1)),
    `dst_ip` String ALIAS if(IPv6NumToString(dst_addr) LIKE '::ffff:%.%', substring(IPv6NumToString(dst_addr), 8), IPv6NumToString(dst_addr)) COMMENT 'dst_addr as text: 10.0.0.1 or fd00::1.',
    `dst_port` UInt16 COMMENT 'Port of the responder; ICMP: 0.' CODEC(ZSTD(1)),
    `dst_kind` LowCardinality(String) COMMENT 'pod, service, node or host; empty: unknown.',
    `dst_namespace` LowCardinality(String) COMMENT 'Namespace of the responder; empty: unknown or none.',
    `dst_workload` LowCardinality(String) COMMENT 'Top owner of the responder, such as its Deployment.',
    `dst_pod` LowCardinality(String) COMMENT 'Pod of the responder.',
    `dst_name` LowCardinality(String) COMMENT 'Name of a responder that is no pod: service, node, host process or DNS name.',
    `protocol` LowCardinality(String) COMMENT 'TCP, UDP, ICMP, ICMPv6, SCTP ..., else the IANA number.',
    `connections` UInt8 COMMENT '1 in exactly one record of a connection at an interface: the sum counts connections.' CODEC(ZSTD(1)),
    `packets` UInt64 COMMENT 'Source to destination, since the connection''s previous record.' CODEC(T64, ZSTD(1)),
    `bytes` UInt64 COMMENT 'Of the IP layer, source to destination, since the previous record.' CODEC(T64, ZSTD(1)),
    `reply_packets` UInt64 COMMENT 'Destination to source, since the previous record.' CODEC(T64, ZSTD(1)),
    `reply_bytes` UInt64 COMMENT 'Of the IP layer, destination to source, since the previous record.' CODEC(T64, ZSTD(1)),
    `verdict` Enum8('unknown' = 0, 'allowed' = 1, 'denied' = 2) COMMENT 'What the kernel decided.',
    `reason` LowCardinality(String) COMMENT 'Why: the policy and rule, or observed, not-isolated, node, icmp ...',
    `generation` UInt32 COMMENT 'Policy generation that gave the verdict; 0: before any.' CODEC(ZSTD(1)),
    `answered` Bool COMMENT 'A reply was seen that is no refusal.' CODEC(ZSTD(1)),
    `refused` Bool COMMENT 'Answered by RST to the SYN, or by ICMP unreachable.' CODEC(ZSTD(1)),
    `guessed` Bool COMMENT 'No handshake was seen: the sender of the first packet is taken for the initiator.' CODEC(ZSTD(1)),
    `fragments` Bool COMMENT 'The counts include fragments.' CODEC(ZSTD(1)),
    `tcp_flags` UInt8 COMMENT 'OR of all TCP flags seen, source to destination.' CODEC(ZSTD(1)),
    `reply_tcp_flags` UInt8 COMMENT 'OR of all TCP flags seen, destination to source.' CODEC(ZSTD(1)),
    `ifindex` UInt32 COMMENT 'The observing interface on its node.' CODEC(ZSTD(1)),
    INDEX src_ip_bloom src_ip TYPE bloom_filter(0.01) GRANULARITY 2,
    INDEX dst_ip_bloom dst_ip TYPE bloom_filter(0.01) GRANULARITY 2
)
ENGINE = MergeTree
PARTITION BY toDate(time)
PRIMARY KEY (toStartOfFiveMinutes(time), src_namespace, src_workload, dst_namespace, dst_workload)
ORDER BY (toStartOfFiveMinutes(time), src_namespace, src_workload, dst_namespace, dst_workload, dst_port, dst_addr, src_addr, node, time)
TTL toDateTime(time) + toIntervalDay(30)
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1
COMMENT 'What one interface saw of one connection in one interval; deltas add up over a connection''s rows.';
