-- What 0020 has, read in smaller pieces. Questions want some hundred rows, and each of sketches has kilobytes. ClickHouse
-- reads granules whole: of its usual 8,192 rows nearly everything was read for nothing. That cannot be changed of a table
-- that is there, so both begin anew, under names that a daemon of before does not write to; the ledger answers meanwhile.

-- Which different indicators fall into each day, week and month, as sketches: a union of two is theirs, and one with itself
-- is itself, so it does not matter how often a row is written. Rows stand under a partner and an audience as those of
-- trend_sums do.
CREATE TABLE IF NOT EXISTS {{table "trend_distinct_sketches"}} {{on_cluster}} (
    grain      Enum8('day' = 2, 'week' = 3, 'month' = 4),
    dimension  Enum8('type' = 1, 'category' = 2, 'partner_kind' = 3, 'kind' = 4, 'platform' = 5, 'institution' = 6,
                     'region' = 7, 'loss_band' = 8),
    partner    UInt16 COMMENT '0 is all of them, 65535 too, whoever may be told',
    at         DateTime('UTC') COMMENT 'its beginning' CODEC(Delta, ZSTD(1)),
    key        UInt16 COMMENT 'the value of the dimension; of partner_kind the partner',
    audience   UInt8,
    indicators AggregateFunction(uniqCombined64(12), FixedString(32))
)
ENGINE = {{engine "AggregatingMergeTree"}}
ORDER BY (grain, dimension, partner, at, key, audience)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, index_granularity = 256;

{{distributed "trend_distinct_sketches" "cityHash64(grain, dimension, partner, at, key, audience)"}};

-- How many different indicators fall into each day and week, exactly, by who may be told of them.
CREATE TABLE IF NOT EXISTS {{table "trend_distinct_counts"}} {{on_cluster}} (
    grain     Enum8('day' = 2, 'week' = 3),
    dimension Enum8('type' = 1, 'category' = 2, 'partner_kind' = 3, 'kind' = 4, 'platform' = 5, 'institution' = 6,
                    'region' = 7, 'loss_band' = 8),
    at        DateTime('UTC') COMMENT 'beginning of the day or week' CODEC(Delta, ZSTD(1)),
    key       UInt16 COMMENT 'the value of the dimension',
    known     UInt64 COMMENT 'what was counted, which only grows: of several rows of a cell the one that knows most stands',
    total     UInt64 COMMENT 'how many there are',
    everyone  UInt64 COMMENT 'how many of them everyone may be told of',
    others    Array(Tuple(told Array(UInt32), n UInt64))
              COMMENT 'how many others, by who may be told: each partner * 256 + audience of an event about them',
    partners  Array(UInt16) COMMENT 'of partner_kind: who was of that kind'
)
ENGINE = {{engine "ReplacingMergeTree" "known"}}
ORDER BY (grain, dimension, at, key)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, index_granularity = 256;

{{distributed "trend_distinct_counts" "cityHash64(grain, dimension, at, key)"}};

-- Up to where both have counted: they know every message before next, the last of which was appended then.
CREATE TABLE IF NOT EXISTS {{table "trend_distinct_sketches_progress"}} {{on_cluster}} (
    kafka_partition UInt32,
    next            UInt64,
    appended        DateTime64(3, 'UTC')
)
ENGINE = {{engine "ReplacingMergeTree" "next"}}
ORDER BY kafka_partition
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

{{distributed "trend_distinct_sketches_progress" "kafka_partition"}};

CREATE TABLE IF NOT EXISTS {{table "trend_distinct_counts_progress"}} {{on_cluster}} (
    kafka_partition UInt32,
    next            UInt64,
    appended        DateTime64(3, 'UTC')
)
ENGINE = {{engine "ReplacingMergeTree" "next"}}
ORDER BY kafka_partition
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

{{distributed "trend_distinct_counts_progress" "kafka_partition"}};

-- What they replace.
DROP TABLE IF EXISTS trend_sketches {{on_cluster}} SETTINGS max_table_size_to_drop = 0;
DROP TABLE IF EXISTS trend_sketches_local {{on_cluster}} SETTINGS max_table_size_to_drop = 0;
DROP TABLE IF EXISTS trend_indicator_counts {{on_cluster}} SETTINGS max_table_size_to_drop = 0;
DROP TABLE IF EXISTS trend_indicator_counts_local {{on_cluster}} SETTINGS max_table_size_to_drop = 0;
DROP TABLE IF EXISTS trend_sketches_progress {{on_cluster}} SETTINGS max_table_size_to_drop = 0;
DROP TABLE IF EXISTS trend_sketches_progress_local {{on_cluster}} SETTINGS max_table_size_to_drop = 0;
DROP TABLE IF EXISTS trend_indicator_counts_progress {{on_cluster}} SETTINGS max_table_size_to_drop = 0;
DROP TABLE IF EXISTS trend_indicator_counts_progress_local {{on_cluster}} SETTINGS max_table_size_to_drop = 0;
