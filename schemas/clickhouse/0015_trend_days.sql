-- Trends by days of Malaysia: of each dimension by itself, so that a year of a nation is some hundred thousand rows.
--
-- How many different events fall into each cell, and what they lost: as in trend_cells, of several counts of one cell the
-- highest is the latest.
CREATE TABLE IF NOT EXISTS {{table "trend_days"}} {{on_cluster}} (
    dimension Enum8('type' = 1, 'category' = 2, 'platform' = 5, 'institution' = 6, 'region' = 7, 'loss_band' = 8),
    day       DateTime('UTC') COMMENT 'its beginning' CODEC(Delta, ZSTD(1)),
    key       UInt16 COMMENT 'the value of the dimension',
    kind      Enum8('report' = 1, 'withdraw' = 2, 'clear' = 3, 'dispute' = 4, 'sighting' = 5, 'action' = 6,
                    'uphold' = 7),
    partner   UInt16,
    audience  UInt8,
    events    SimpleAggregateFunction(max, UInt64),
    with_loss SimpleAggregateFunction(max, UInt64) COMMENT 'of the events',
    losses    SimpleAggregateFunction(max, UInt64) COMMENT 'ringgit: the lower bounds of their bands'
)
ENGINE = {{engine "AggregatingMergeTree"}}
ORDER BY (dimension, day, key, kind, partner, audience)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

{{distributed "trend_days" "cityHash64(dimension, day, key, kind, partner, audience)"}};

-- Which different indicators fall into each cell, as a sketch: a union of two is theirs, and one with itself is itself,
-- so it does not matter how often a row is written. The partner is 0 where everyone may be told.
CREATE TABLE IF NOT EXISTS {{table "trend_indicators"}} {{on_cluster}} (
    dimension  Enum8('type' = 1, 'category' = 2, 'partner_kind' = 3, 'kind' = 4, 'platform' = 5, 'institution' = 6,
                     'region' = 7, 'loss_band' = 8),
    day        DateTime('UTC') COMMENT 'its beginning' CODEC(Delta, ZSTD(1)),
    key        UInt16 COMMENT 'the value of the dimension; of partner_kind the partner',
    partner    UInt16,
    audience   UInt8,
    indicators AggregateFunction(uniqCombined64(15), FixedString(32))
)
ENGINE = {{engine "AggregatingMergeTree"}}
ORDER BY (dimension, day, key, partner, audience)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

{{distributed "trend_indicators" "cityHash64(dimension, day, key, partner, audience)"}};

-- Up to where both have counted: they know every message before next.
CREATE TABLE IF NOT EXISTS {{table "trend_days_progress"}} {{on_cluster}} (
    kafka_partition UInt32,
    next            UInt64
)
ENGINE = {{engine "ReplacingMergeTree" "next"}}
ORDER BY kafka_partition
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

{{distributed "trend_days_progress" "kafka_partition"}};
