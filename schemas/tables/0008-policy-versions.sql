-- Every generation of the policy, and beside it each text only where it begins or ends.
CREATE TABLE IF NOT EXISTS policy_generations
(
    `generation` UInt32 COMMENT 'Counts up with every change of a text or of the mode.',
    `revision` SimpleAggregateFunction(max, UInt32) COMMENT 'Latest revision of the generation: changes of the entries, pods coming and going included.',
    `mode` SimpleAggregateFunction(anyLast, LowCardinality(String)) COMMENT 'observe, shadow or enforce.',
    `valid_from` SimpleAggregateFunction(min, DateTime64(6, 'UTC')) COMMENT 'When the generation was made.'
)
ENGINE = AggregatingMergeTree
ORDER BY generation
SETTINGS non_replicated_deduplication_window = 1000
COMMENT 'The generations of the policy.';

CREATE TABLE IF NOT EXISTS policy_versions
(
    `namespace` LowCardinality(String) COMMENT 'Namespace of the document.',
    `name` String COMMENT 'Name of the document.',
    `generation` UInt32 COMMENT 'The generation from which on the document has this text, or is gone.',
    `deleted` UInt8 COMMENT '1: the document is gone from this generation on.',
    `text` String COMMENT 'The NetworkPolicy as it was applied, YAML.' CODEC(ZSTD(3))
)
ENGINE = ReplacingMergeTree
ORDER BY (namespace, name, generation)
SETTINGS non_replicated_deduplication_window = 1000
COMMENT 'The texts of policies, each from the generation on that it belongs to.';

INSERT INTO policy_generations
SELECT generation, max(policy_records.revision), anyLast(policy_records.mode), min(policy_records.valid_from)
FROM policy_records
GROUP BY generation;

INSERT INTO policy_versions
SELECT namespace, name, generation, 0, anyLast(policy_records.text)
FROM policy_records
WHERE name != ''
GROUP BY namespace, name, generation;

INSERT INTO policy_versions
SELECT namespace, name, following, 1, ''
FROM
(
    SELECT namespace, name, generation, leadInFrame(generation) OVER (PARTITION BY namespace, name ORDER BY generation ASC ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS next
    FROM policy_versions
    WHERE deleted = 0
) AS documents
INNER JOIN
(
    SELECT generation, leadInFrame(generation) OVER (ORDER BY generation ASC ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS following
    FROM
    (
        SELECT DISTINCT generation
        FROM policy_generations
    )
) AS generations USING (generation)
WHERE following != 0 AND following != next;

DROP VIEW IF EXISTS policies;

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
) AS generations USING (generation)
COMMENT 'Every policy text with the time in which it was in force. Join flows on generation.';

TRUNCATE TABLE policy_records;

ALTER TABLE policy_records MODIFY COMMENT 'Empty: policy_generations and policy_versions have taken it over.';
