ALTER TABLE flows
    ADD PROJECTION IF NOT EXISTS blocks (SELECT node, boot_id, block, toStartOfFiveMinutes(time), count(), min(time), max(time) GROUP BY node, boot_id, block, toStartOfFiveMinutes(time));

ALTER TABLE flows
    MATERIALIZE PROJECTION blocks;
