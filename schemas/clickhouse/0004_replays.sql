-- What operators sent again: which refused message, and where its copy stands. Rows are only ever added, and one that
-- is written twice is the same row. A message may have been sent again several times.
CREATE TABLE IF NOT EXISTS {{table "replays"}} {{on_cluster}} (
    kafka_partition UInt32 COMMENT 'of the message that was refused',
    kafka_offset    UInt64,
    to_partition    UInt32 COMMENT 'of its copy',
    to_offset       UInt64,
    replayed        DateTime64(3, 'UTC'),
    operator        String COMMENT 'who did it'
)
ENGINE = {{engine "ReplacingMergeTree"}}
ORDER BY (kafka_partition, kafka_offset, to_partition, to_offset)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

{{distributed "replays" "kafka_partition"}};
