-- What is known of a connection beyond its counters: how fast, how it ended, whose process, which name.
-- Numbers that are not known are NULL, so that averages leave them out; texts are empty.
ALTER TABLE flows
    ADD COLUMN IF NOT EXISTS `handshake_rtt_us` Nullable(UInt32) COMMENT 'Round trip of the TCP handshake from the observing interface to the other end, microseconds: SYN to SYN+ACK at the initiator, SYN+ACK to ACK at the responder.' CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS `srtt_us` Nullable(UInt32) COMMENT 'Smoothed round trip as the socket of the observed end has it, microseconds: the latest known.' CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS `first_byte_us` Nullable(UInt32) COMMENT 'First payload of the initiator to first payload of the answer, microseconds.' CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS `retransmits` UInt32 COMMENT 'Segments that the socket of the observed end sent again, since the connection''s previous record.' CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS `close_reason` Enum8('none' = 0, 'fin' = 1, 'reset_by_source' = 2, 'reset_by_destination' = 3, 'refused' = 4, 'unreachable' = 5, 'idle' = 6, 'unwatched' = 7, 'replaced' = 8) COMMENT 'Why the connection is over; none: it is not, or nobody can know.' CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS `before_start` Bool COMMENT 'TCP that was open before it was first seen: nothing of its beginning is known.' CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS `process_pid` Nullable(UInt32) COMMENT 'Id of the process at the observed end, as the node numbers it.' CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS `process_start` Nullable(DateTime64(6, 'UTC')) COMMENT 'When that process began, to 10 ms: ids come again.' CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS `process_comm` LowCardinality(String) COMMENT 'Name of its command; empty: unknown.',
    ADD COLUMN IF NOT EXISTS `process_executable` LowCardinality(String) COMMENT 'Path of its program as it sees it; empty: unknown.',
    ADD COLUMN IF NOT EXISTS `process_cgroup_id` Nullable(UInt64) COMMENT 'Inode of its folder in the cgroup v2 hierarchy.' CODEC(ZSTD(1)),
    ADD COLUMN IF NOT EXISTS `process_container` LowCardinality(String) COMMENT 'Id of the container that its cgroup names; empty: unknown or none.',
    ADD COLUMN IF NOT EXISTS `dns_name` LowCardinality(String) COMMENT 'Name that the initiator had asked for: lower case, without the trailing dot; empty: unknown.';
