-- The same text as before of every address, for half of the time: what an IPv4 address is, its bytes
-- tell. The bloom indexes of that text stay valid. (The bounds are texts, not toIPv6(...): an index
-- is used only where its expression and that of the question are written the same, unfolded.)
ALTER TABLE flows
    MODIFY COLUMN `src_ip` String ALIAS if(src_addr >= '::ffff:0.0.0.0' AND src_addr <= '::ffff:255.255.255.255', substring(IPv6NumToString(src_addr), 8), IPv6NumToString(src_addr)) COMMENT 'src_addr as text: 10.0.0.1 or fd00::1.',
    MODIFY COLUMN `dst_ip` String ALIAS if(dst_addr >= '::ffff:0.0.0.0' AND dst_addr <= '::ffff:255.255.255.255', substring(IPv6NumToString(dst_addr), 8), IPv6NumToString(dst_addr)) COMMENT 'dst_addr as text: 10.0.0.1 or fd00::1.';

-- What weir itself asks by: the bytes, a granule at a time.
ALTER TABLE flows
    ADD INDEX IF NOT EXISTS src_addr_bloom src_addr TYPE bloom_filter(0.01) GRANULARITY 1,
    ADD INDEX IF NOT EXISTS dst_addr_bloom dst_addr TYPE bloom_filter(0.01) GRANULARITY 1;

-- In the background, for the rows that are there.
ALTER TABLE flows
    MATERIALIZE INDEX src_addr_bloom,
    MATERIALIZE INDEX dst_addr_bloom;
