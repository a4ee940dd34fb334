-- Who had which address, from when to when.
CREATE TABLE IF NOT EXISTS workload_records
(
    `kind` LowCardinality(String) COMMENT 'pod, service, node or host.',
    `namespace` LowCardinality(String) COMMENT 'Namespace; empty for nodes and hosts.',
    `name` String COMMENT 'Name of the pod, service or node.',
    `uid` String COMMENT 'Unique even when the name is used again.',
    `workload` LowCardinality(String) COMMENT 'Name of the top owner, such as the Deployment.',
    `workload_kind` LowCardinality(String) COMMENT 'Deployment, StatefulSet, DaemonSet, Job, Pod, Service, Node ...',
    `node` LowCardinality(String) COMMENT 'Node it runs on.',
    `addresses` Array(IPv6) COMMENT 'Its addresses; IPv4 as ::ffff:a.b.c.d.',
    `labels` Map(LowCardinality(String), String) COMMENT 'Its labels.',
    `namespace_labels` Map(LowCardinality(String), String) COMMENT 'Labels of its namespace.',
    `host_network` Bool COMMENT 'It shares the addresses of its node.',
    `port_names` Array(LowCardinality(String)) COMMENT 'Names of its ports, in the order of port_numbers.',
    `port_numbers` Array(UInt16) COMMENT 'Its declared ports.',
    `port_protocols` Array(LowCardinality(String)) COMMENT 'Protocols of its ports, in the order of port_numbers.',
    `since` DateTime64(6, 'UTC') COMMENT 'From when it had the addresses.',
    `until` Nullable(DateTime64(6, 'UTC')) COMMENT 'Until when; null: still.',
    `recorded` DateTime64(6, 'UTC') COMMENT 'When weir was told; the latest record of a life counts.'
)
ENGINE = ReplacingMergeTree(recorded)
ORDER BY (kind, namespace, name, uid, since)
SETTINGS non_replicated_deduplication_window = 1000
COMMENT 'What the view workloads reads.';

CREATE VIEW IF NOT EXISTS workloads
(
    `kind` LowCardinality(String) COMMENT 'pod, service, node or host.',
    `namespace` LowCardinality(String) COMMENT 'Namespace; empty for nodes and hosts.',
    `name` String COMMENT 'Name of the pod, service or node.',
    `uid` String COMMENT 'Unique even when the name is used again.',
    `workload` LowCardinality(String) COMMENT 'Name of the top owner, such as the Deployment.',
    `workload_kind` LowCardinality(String) COMMENT 'Deployment, StatefulSet, DaemonSet, Job, Pod, Service, Node ...',
    `node` LowCardinality(String) COMMENT 'Node it runs on.',
    `addresses` Array(String) COMMENT 'Its addresses as text.',
    `labels` Map(LowCardinality(String), String) COMMENT 'Its labels.',
    `namespace_labels` Map(LowCardinality(String), String) COMMENT 'Labels of its namespace.',
    `host_network` Bool COMMENT 'It shares the addresses of its node.',
    `ports` Array(String) COMMENT 'Its declared ports: http 80/TCP.',
    `since` DateTime64(6, 'UTC') COMMENT 'From when it had the addresses.',
    `until` Nullable(DateTime64(6, 'UTC')) COMMENT 'Until when; null: still.'
)
AS SELECT
    kind, namespace, name, uid, workload, workload_kind, node,
    arrayMap(address -> if(IPv6NumToString(address) LIKE '::ffff:%.%', substring(IPv6NumToString(address), 8), IPv6NumToString(address)), workload_records.addresses) AS addresses,
    labels, namespace_labels, host_network,
    arrayMap((port, number, protocol) -> trimLeft(concat(port, ' ', toString(number), '/', protocol)), port_names, port_numbers, port_protocols) AS ports,
    since, until
FROM workload_records FINAL
COMMENT 'Who had which address, from when to when.';
