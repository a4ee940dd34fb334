-- What an interface did beyond its share of the flow map and of the ring.
ALTER TABLE odometers ADD COLUMN IF NOT EXISTS `untracked_connections` UInt64 COMMENT 'Connections without an entry in the flow map: their packets are untracked.' CODEC(Delta(8), ZSTD(1));

ALTER TABLE odometers ADD COLUMN IF NOT EXISTS `late_edges` UInt64 COMMENT 'Edges of connections that were not told when they happened; what they count came later.' CODEC(Delta(8), ZSTD(1));

ALTER TABLE ledger COMMENT COLUMN `lost` 'Lost for good, by cause: map and map_share are connections, spool and spool_damaged records.';
