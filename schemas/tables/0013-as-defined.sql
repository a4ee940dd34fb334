ALTER TABLE flows
    COMMENT COLUMN `boot_id` 'Boot of that node (/proc/sys/kernel/random/boot_id): counters and block numbers are per boot.';

ALTER TABLE workload_records
    COMMENT COLUMN `workload` 'Name of the top owner (Deployment and the like), or the name itself.';

ALTER TABLE workload_versions
    COMMENT COLUMN `workload` 'Name of the top owner (Deployment and the like), or the name itself.';

ALTER TABLE ledger
    COMMENT COLUMN `mode` 'What the node does at its pods: that of the policy in force, or the limit of its configuration.',
    COMMENT COLUMN `lost` 'What is lost for good, by cause. map and map_share: connections without an entry in the flow map, because it was full or their interface had its share (their packets are in the odometers as untracked); spool and spool_damaged: records of blocks that the spool gave up, or that its disk did. An edge that finds no room or no budget is no loss: see the counters ring_full and edges_over_budget.',
    COMMENT COLUMN `counters` 'Further counters, e.g. flows_live, ring_full, edges_over_budget, denied_packets.',
    COMMENT COLUMN `attached` 'Interfaces it watches, with the pod where there is one: veth12ab (shop/cart-0).',
    COMMENT COLUMN `hooks` 'Kernel hooks: ok, or missing: and the reason.';

ALTER TABLE odometers
    COMMENT COLUMN `node` 'Node of the collector.';

ALTER TABLE events
    COMMENT COLUMN `node` 'Node it happened on; empty where it is no node\'s.',
    COMMENT COLUMN `namespace` 'Namespace of the pod or the policy it concerns; empty where there is none.';

DROP VIEW IF EXISTS workloads;

CREATE VIEW IF NOT EXISTS workloads
(
    `kind` LowCardinality(String) COMMENT 'pod, service, node or host.',
    `namespace` LowCardinality(String) COMMENT 'Namespace; empty for nodes and hosts.',
    `name` String COMMENT 'Name of the pod, service or node.',
    `uid` String COMMENT 'Unique even when the name is used again.',
    `workload` LowCardinality(String) COMMENT 'Name of the top owner (Deployment and the like), or the name itself.',
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

DROP VIEW IF EXISTS workload_history;

CREATE VIEW IF NOT EXISTS workload_history
(
    `kind` LowCardinality(String) COMMENT 'pod, service, node or host.',
    `namespace` LowCardinality(String) COMMENT 'Namespace; empty for nodes and hosts.',
    `name` String COMMENT 'Name of the pod, service or node.',
    `uid` String COMMENT 'Unique even when the name is used again.',
    `workload` LowCardinality(String) COMMENT 'Name of the top owner (Deployment and the like), or the name itself.',
    `workload_kind` LowCardinality(String) COMMENT 'Deployment, StatefulSet, DaemonSet, Job, Pod, Service, Node ...',
    `node` LowCardinality(String) COMMENT 'Node it ran on.',
    `addresses` Array(String) COMMENT 'Its addresses as text.',
    `labels` Map(LowCardinality(String), String) COMMENT 'Its labels in that time.',
    `namespace_labels` Map(LowCardinality(String), String) COMMENT 'Labels of its namespace in that time.',
    `host_network` Bool COMMENT 'It shares the addresses of its node.',
    `port_names` Array(LowCardinality(String)) COMMENT 'Names of its ports, in the order of port_numbers.',
    `port_numbers` Array(UInt16) COMMENT 'Its declared ports.',
    `port_protocols` Array(LowCardinality(String)) COMMENT 'Protocols of its ports, in the order of port_numbers.',
    `valid_from` DateTime64(6, 'UTC') COMMENT 'From when all this held.',
    `valid_until` Nullable(DateTime64(6, 'UTC')) COMMENT 'Until when; null: still.'
)
AS SELECT
    kind, namespace, name, uid, workload, workload_kind, node,
    arrayMap(address -> if(IPv6NumToString(address) LIKE '::ffff:%.%', substring(IPv6NumToString(address), 8), IPv6NumToString(address)), stored_addresses) AS addresses,
    labels, namespace_labels, host_network, port_names, port_numbers, port_protocols,
    if(version = 1, since, greatest(since, recorded)) AS valid_from,
    if(following IS NULL OR ended < following, ended, following) AS valid_until
FROM
(
    SELECT
        kind, namespace, name, uid, workload, workload_kind, node, addresses AS stored_addresses,
        labels, namespace_labels, host_network, port_names, port_numbers, port_protocols, since, recorded,
        row_number() OVER (PARTITION BY kind, namespace, name, uid, since ORDER BY recorded ASC) AS version,
        leadInFrame(toNullable(recorded)) OVER (PARTITION BY kind, namespace, name, uid, since ORDER BY recorded ASC ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS following,
        argMax((until,), recorded) OVER (PARTITION BY kind, namespace, name, uid, since).1 AS ended
    FROM workload_versions FINAL
)
WHERE valid_until IS NULL OR valid_from < valid_until
COMMENT 'Who had which address and which labels, from when to when: one row per version of a life.';

DROP TABLE IF EXISTS policy_records;
