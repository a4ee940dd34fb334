-- Every generation of the policy, with the full text of each document.
CREATE TABLE IF NOT EXISTS policy_records
(
    `generation` UInt32 COMMENT 'Counts up with every change of a text or of the mode.',
    `namespace` LowCardinality(String) COMMENT 'Namespace of the document; empty with an empty name: the generation held no document.',
    `name` String COMMENT 'Name of the document.',
    `revision` SimpleAggregateFunction(max, UInt32) COMMENT 'Latest revision of the generation: changes of the entries, pods coming and going included.',
    `mode` SimpleAggregateFunction(anyLast, LowCardinality(String)) COMMENT 'observe, shadow or enforce.',
    `text` SimpleAggregateFunction(anyLast, String) COMMENT 'The NetworkPolicy as it was applied, YAML.' CODEC(ZSTD(3)),
    `valid_from` SimpleAggregateFunction(min, DateTime64(6, 'UTC')) COMMENT 'When the generation was made.'
)
ENGINE = AggregatingMergeTree
ORDER BY (generation, namespace, name)
SETTINGS non_replicated_deduplication_window = 1000
COMMENT 'What the view policies reads.';

CREATE VIEW IF NOT EXISTS policies
(
    `generation` UInt32 COMMENT 'Counts up with every change of a text or of the mode; the same number is on each flow that it judged.',
    `revision` UInt32 COMMENT 'Latest revision of the generation.',
    `mode` LowCardinality(String) COMMENT 'observe, shadow or enforce.',
    `namespace` LowCardinality(String) COMMENT 'Namespace of the policy.',
    `name` String COMMENT 'Name of the policy.',
    `text` String COMMENT 'The NetworkPolicy as it was applied, YAML.',
    `valid_from` DateTime64(6, 'UTC') COMMENT 'When the generation was made.',
    `valid_until` Nullable(DateTime64(6, 'UTC')) COMMENT 'When the next generation was made; null: in force.'
)
AS SELECT generation, revision, mode, namespace, name, text, valid_from, valid_until
FROM
(
    SELECT generation, namespace, name, max(policy_records.revision) AS revision, anyLast(policy_records.mode) AS mode, anyLast(policy_records.text) AS text, min(policy_records.valid_from) AS valid_from
    FROM policy_records
    GROUP BY generation, namespace, name
) AS documents
INNER JOIN
(
    SELECT generation, leadInFrame(toNullable(began)) OVER (ORDER BY generation ASC ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS valid_until
    FROM
    (
        SELECT generation, min(policy_records.valid_from) AS began
        FROM policy_records
        GROUP BY generation
    )
) AS generations USING (generation)
WHERE name != ''
COMMENT 'Every policy text with the time in which it was in force. Join flows on generation.';
