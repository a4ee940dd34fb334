ALTER TABLE flows
    MODIFY SETTING min_compress_block_size = 8192, max_compress_block_size = 65536, vertical_merge_algorithm_min_rows_to_activate = 5000000;
