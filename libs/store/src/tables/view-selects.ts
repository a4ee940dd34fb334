// The views that are more than a look at one table.

export const policiesSelect = `SELECT generation, revision, mode, namespace, name, text, valid_from, valid_until
FROM
(
    SELECT namespace, name, text, toUInt32(arrayJoin(range(first, if(next = 0, (SELECT max(generation) FROM policy_generations) + 1, next)))) AS generation
    FROM
    (
        SELECT namespace, name, first, deleted, text, leadInFrame(first) OVER (PARTITION BY namespace, name ORDER BY first ASC ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS next
        FROM
        (
            SELECT namespace, name, policy_versions.generation AS first, anyLast(policy_versions.deleted) AS deleted, anyLast(policy_versions.text) AS text
            FROM policy_versions
            GROUP BY namespace, name, policy_versions.generation
        )
    )
    WHERE deleted = 0
) AS documents
INNER JOIN
(
    SELECT generation, revision, mode, valid_from, leadInFrame(toNullable(valid_from)) OVER (ORDER BY generation ASC ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS valid_until
    FROM
    (
        SELECT generation, max(policy_generations.revision) AS revision, anyLast(policy_generations.mode) AS mode, min(policy_generations.valid_from) AS valid_from
        FROM policy_generations
        GROUP BY generation
    )
) AS generations USING (generation)`;

// Rows of one source endpoint that began within a second of each other are one session of it. In
// it, a row to a service that no responder has seen, and a responder's row that no initiator has,
// are one connection that was translated on the way, if there is exactly one of each.
export const connectionsSelect = `SELECT
    if(IPv6NumToString(src_addr) LIKE '::ffff:%.%', substring(IPv6NumToString(src_addr), 8), IPv6NumToString(src_addr)) AS src_ip,
    src_port,
    protocol,
    multiIf(egress_rows > 0 AND ingress_rows > 0, 'both', egress_rows > 0, 'initiator', ingress_rows > 0, 'responder', 'unknown') AS seen,
    egress_rows > 0 AND ingress_rows > 0 AND asked != served AS translated,
    if(egress_rows > 0, asked, served) AS destination,
    if(IPv6NumToString(destination.1) LIKE '::ffff:%.%', substring(IPv6NumToString(destination.1), 8), IPv6NumToString(destination.1)) AS dst_ip,
    destination.2 AS dst_port,
    if(IPv6NumToString(served.1) LIKE '::ffff:%.%', substring(IPv6NumToString(served.1), 8), IPv6NumToString(served.1)) AS served_ip,
    served.2 AS served_port,
    src_names.1 AS src_kind, src_names.2 AS src_namespace, src_names.3 AS src_workload, src_names.4 AS src_pod, src_names.5 AS src_name,
    dst_names.1 AS dst_kind, dst_names.2 AS dst_namespace, dst_names.3 AS dst_workload, dst_names.4 AS dst_pod, dst_names.5 AS dst_name,
    src_node, dst_node,
    start, last, opened, packets, bytes, reply_packets, reply_bytes, denied, generation
FROM
(
    SELECT
        src_addr, src_port, protocol, session,
        if(pairs AND lone, (toIPv6('::'), toUInt16(0)), (dst_addr, dst_port)) AS pair,
        sum(part.egress_rows) AS egress_rows,
        sum(part.ingress_rows) AS ingress_rows,
        anyIf((dst_addr, dst_port), part.egress_rows > 0) AS asked,
        anyIf((dst_addr, dst_port), part.egress_rows = 0) AS responder,
        if(countIf(part.egress_rows = 0) > 0, responder, asked) AS served,
        argMax(part.src_names, part.egress_rows) AS src_names,
        argMax(part.dst_names, part.ingress_rows) AS dst_names,
        max(part.src_node) AS src_node,
        max(part.dst_node) AS dst_node,
        min(part.start) AS start,
        max(part.last) AS last,
        max(part.opened) AS opened,
        max(part.packets) AS packets,
        max(part.bytes) AS bytes,
        max(part.reply_packets) AS reply_packets,
        max(part.reply_bytes) AS reply_bytes,
        max(part.denied) AS denied,
        max(part.generation) AS generation
    FROM
    (
        SELECT
            *,
            (egress_rows = 0) != (ingress_rows = 0) AND (ingress_rows > 0 OR dst_kind IN ('service', '')) AS lone,
            countIf(egress_rows > 0 AND ingress_rows = 0 AND dst_kind IN ('service', '')) OVER (PARTITION BY src_addr, src_port, protocol, session) = 1
                AND countIf(egress_rows = 0 AND ingress_rows > 0) OVER (PARTITION BY src_addr, src_port, protocol, session) = 1 AS pairs
        FROM
        (
            SELECT
                src_addr, src_port, protocol, dst_addr, dst_port, session,
                countIf(direction = 'egress') AS egress_rows,
                countIf(direction = 'ingress') AS ingress_rows,
                any(rows_of.dst_kind) AS dst_kind,
                any((src_kind, src_namespace, src_workload, src_pod, src_name)) AS src_names,
                any((rows_of.dst_kind, dst_namespace, dst_workload, dst_pod, dst_name)) AS dst_names,
                anyIf(toString(node), direction = 'egress') AS src_node,
                anyIf(toString(node), direction = 'ingress') AS dst_node,
                min(rows_of.start) AS start,
                max(rows_of.last) AS last,
                greatest(sumIf(rows_of.connections, direction = 'egress'), sumIf(rows_of.connections, direction != 'egress')) AS opened,
                greatest(sumIf(rows_of.packets, direction = 'egress'), sumIf(rows_of.packets, direction != 'egress')) AS packets,
                greatest(sumIf(rows_of.bytes, direction = 'egress'), sumIf(rows_of.bytes, direction != 'egress')) AS bytes,
                greatest(sumIf(rows_of.reply_packets, direction = 'egress'), sumIf(rows_of.reply_packets, direction != 'egress')) AS reply_packets,
                greatest(sumIf(rows_of.reply_bytes, direction = 'egress'), sumIf(rows_of.reply_bytes, direction != 'egress')) AS reply_bytes,
                max(verdict = 'denied') AS denied,
                max(rows_of.generation) AS generation
            FROM
            (
                SELECT *, sum(begins) OVER (PARTITION BY src_addr, src_port, protocol ORDER BY start ASC ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS session
                FROM
                (
                    SELECT *, start > addSeconds(lagInFrame(start, 1, start) OVER (PARTITION BY src_addr, src_port, protocol ORDER BY start ASC ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW), 1) AS begins
                    FROM flows
                    WHERE time >= parseDateTime64BestEffort({since:String}, 6, 'UTC') AND time < parseDateTime64BestEffort({until:String}, 6, 'UTC')
                )
            ) AS rows_of
            GROUP BY src_addr, src_port, protocol, dst_addr, dst_port, session
        )
    ) AS part
    GROUP BY src_addr, src_port, protocol, session, pair
)`;

export const workloadsSelect = `SELECT
    kind, namespace, name, uid, workload, workload_kind, node,
    arrayMap(address -> if(IPv6NumToString(address) LIKE '::ffff:%.%', substring(IPv6NumToString(address), 8), IPv6NumToString(address)), workload_records.addresses) AS addresses,
    labels, namespace_labels, host_network,
    arrayMap((port, number, protocol) -> trimLeft(concat(port, ' ', toString(number), '/', protocol)), port_names, port_numbers, port_protocols) AS ports,
    since, until
FROM workload_records FINAL`;

export const workloadHistorySelect = `SELECT
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
WHERE valid_until IS NULL OR valid_from < valid_until`;

export const flowPoliciesSelect = `SELECT
    time, src_ip, src_namespace, src_workload, src_pod, dst_ip, dst_port, dst_namespace, dst_workload, dst_pod,
    protocol, verdict, reason, judged.generation AS generation,
    policies.namespace AS policy_namespace, policies.name AS policy_name, policies.text AS text,
    policies.valid_from AS valid_from, policies.valid_until AS valid_until
FROM
(
    SELECT
        time, src_ip, src_namespace, src_workload, src_pod, dst_ip, dst_port, dst_namespace, dst_workload, dst_pod,
        protocol, verdict, reason, generation,
        arrayJoin(extractAll(reason, '([a-z0-9.-]+/[a-z0-9.-]+)')) AS named
    FROM flows
    WHERE generation > 0
) AS judged
INNER JOIN policies ON judged.generation = policies.generation
    AND splitByChar('/', judged.named)[1] = policies.namespace
    AND splitByChar('/', judged.named)[2] = policies.name`;
