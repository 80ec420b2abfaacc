-- Trends without partners, made of trend_cells and trend_days: what most questions are about is then few rows however
-- many events there are. As in these, of several counts of one cell the highest is the latest.
CREATE TABLE IF NOT EXISTS {{table "trend_sums"}} {{on_cluster}} (
    grain     Enum8('hour' = 1, 'day' = 2),
    dimension Enum8('type' = 1, 'category' = 2, 'partner_kind' = 3, 'platform' = 5, 'institution' = 6, 'region' = 7,
                    'loss_band' = 8),
    partner   UInt16 COMMENT '0 is all of them; others stand where not everyone may be told',
    at        DateTime('UTC') COMMENT 'beginning of the hour or day' CODEC(Delta, ZSTD(1)),
    key       UInt16 COMMENT 'the value of the dimension; of partner_kind the partner',
    kind      Enum8('report' = 1, 'withdraw' = 2, 'clear' = 3, 'dispute' = 4, 'sighting' = 5, 'action' = 6,
                    'uphold' = 7),
    audience  UInt8,
    events    SimpleAggregateFunction(max, UInt64),
    with_loss SimpleAggregateFunction(max, UInt64) COMMENT 'of the events; of days alone',
    losses    SimpleAggregateFunction(max, UInt64) COMMENT 'ringgit: the lower bounds of their bands; of days alone',
    reporters SimpleAggregateFunction(groupUniqArrayArray, Array(UInt16)) COMMENT 'the partners'
)
ENGINE = {{engine "AggregatingMergeTree"}}
ORDER BY (grain, dimension, partner, at, key, kind, audience)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

{{distributed "trend_sums" "cityHash64(grain, dimension, partner, at, key, kind, audience)"}};

-- Up to where hours and days are summed up: they know every message before next.
CREATE TABLE IF NOT EXISTS {{table "trend_sums_of_hours_progress"}} {{on_cluster}} (
    kafka_partition UInt32,
    next            UInt64
)
ENGINE = {{engine "ReplacingMergeTree" "next"}}
ORDER BY kafka_partition
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

{{distributed "trend_sums_of_hours_progress" "kafka_partition"}};

CREATE TABLE IF NOT EXISTS {{table "trend_sums_of_days_progress"}} {{on_cluster}} (
    kafka_partition UInt32,
    next            UInt64
)
ENGINE = {{engine "ReplacingMergeTree" "next"}}
ORDER BY kafka_partition
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

{{distributed "trend_sums_of_days_progress" "kafka_partition"}};
