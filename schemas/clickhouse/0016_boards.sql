-- The boards' roll-up: what became of each indicator, worked out when somebody speaks of it and not when somebody asks.
--
-- The ledger's words about each indicator side by side, so that one is worked out from a few pages. Rows of the same place
-- are the same.
CREATE TABLE IF NOT EXISTS {{table "board_words"}} {{on_cluster}} (
    digest          FixedString(32) CODEC(ZSTD(1)),
    partner         UInt16,
    kafka_partition UInt32,
    kafka_offset    UInt64,
    bundle_index    UInt16,
    appended        DateTime64(3, 'UTC'),
    kind            Enum8('report' = 1, 'withdraw' = 2, 'clear' = 3, 'dispute' = 4, 'sighting' = 5, 'action' = 6,
                          'uphold' = 7),
    version         UInt64 COMMENT 'the order of what a partner says about an indicator',
    platform        UInt16,
    audience        UInt8,
    evidence        UInt8,
    action          Enum8('' = 0, 'removed' = 1, 'blocked' = 2, 'held' = 3, 'refunded' = 4, 'no_action' = 5,
                          'disagreed' = 6),
    observed_at     DateTime64(3, 'UTC') COMMENT '1970 is none',
    signed_by       UInt8,
    held            Bool
)
ENGINE = {{engine "ReplacingMergeTree"}}
ORDER BY (digest, partner, kafka_partition, kafka_offset, bundle_index)
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1, finished_mutations_to_keep = 1;

{{distributed "board_words" "cityHash64(digest)"}};

-- What each indicator has come to. The highest version stands: it was worked out last, from all that the others knew.
CREATE TABLE IF NOT EXISTS {{table "board_indicators"}} {{on_cluster}} (
    digest    FixedString(32) CODEC(NONE),
    version   UInt64,
    signals   Array(Tuple(platform UInt16, began Int64, acted Int64, did Int8, declared Int64, state Int8))
              COMMENT 'of each platform that was told; Unix milliseconds, 0 is never; 0 is open, 1 acted on, 2 withdrawn',
    reporters Array(Tuple(partner UInt16, first Int64, back Bool)) COMMENT 'the first one first; who took its word back',
    cleared   Bool,
    confirmed Bool
)
ENGINE = {{engine "ReplacingMergeTree" "version"}}
ORDER BY digest
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1, finished_mutations_to_keep = 1;

{{distributed "board_indicators" "cityHash64(digest)"}};

-- How many different events each partner said that were issued in an hour: of each kind, by the hour in which the first of
-- them that counts was accepted. The highest version stands.
CREATE TABLE IF NOT EXISTS {{table "board_said"}} {{on_cluster}} (
    hour    DateTime('UTC') COMMENT 'of issued_at' CODEC(Delta, ZSTD(1)),
    partner UInt16,
    version UInt64,
    said    Array(Tuple(kind Int8, at UInt32, events UInt64)) COMMENT 'at: Unix seconds'
)
ENGINE = {{engine "ReplacingMergeTree" "version"}}
ORDER BY (hour, partner)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

{{distributed "board_said" "cityHash64(hour, partner)"}};

-- Up to where it has counted: it knows every message before next.
CREATE TABLE IF NOT EXISTS {{table "board_progress"}} {{on_cluster}} (
    kafka_partition UInt32,
    next            UInt64
)
ENGINE = {{engine "ReplacingMergeTree" "next"}}
ORDER BY kafka_partition
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

{{distributed "board_progress" "kafka_partition"}};

-- By which rules of the registry it has counted: whose words count and who was told. A row is written before something is
-- counted by other rules than before, and again when everything is.
CREATE TABLE IF NOT EXISTS {{table "board_rules"}} {{on_cluster}} (
    version UInt64,
    rules   String COMMENT 'JSON' CODEC(ZSTD(3)),
    done    Bool
)
ENGINE = {{engine "ReplacingMergeTree" "done"}}
ORDER BY version
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

{{distributed "board_rules" "version"}};

-- Which node counts: one at a time, each with a higher version than all before it.
CREATE TABLE IF NOT EXISTS {{table "board_turns"}} {{on_cluster}} (
    turn    UUID,
    began   SimpleAggregateFunction(min, DateTime64(3, 'UTC')),
    seen    SimpleAggregateFunction(max, DateTime64(3, 'UTC')),
    ended   SimpleAggregateFunction(max, UInt8),
    version SimpleAggregateFunction(max, UInt64)
)
ENGINE = {{engine "AggregatingMergeTree"}}
ORDER BY turn
TTL toDateTime(seen) + INTERVAL 1 DAY
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

{{distributed "board_turns" "cityHash64(turn)"}};
