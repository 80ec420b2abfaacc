-- How many different indicators a day or week has, over all partners and whoever may be told: for those who see
-- everything, whose questions would otherwise put together the sketches of every partner. Counts only grow, so of several
-- of one cell the highest is the latest, and sketches of one cell are united. Days have none: theirs are in trend_indicators.
CREATE TABLE IF NOT EXISTS {{table "trend_indicator_sums"}} {{on_cluster}} (
    grain      Enum8('day' = 2, 'week' = 3),
    dimension  Enum8('type' = 1, 'category' = 2, 'partner_kind' = 3, 'kind' = 4, 'platform' = 5, 'institution' = 6,
                     'region' = 7, 'loss_band' = 8),
    at         DateTime('UTC') COMMENT 'beginning of the day or week' CODEC(Delta, ZSTD(1)),
    key        UInt16 COMMENT 'the value of the dimension; of partner_kind the partner',
    n          SimpleAggregateFunction(max, UInt64) COMMENT 'how many it counts',
    indicators AggregateFunction(uniqCombined64(15), FixedString(32))
)
ENGINE = {{engine "AggregatingMergeTree"}}
ORDER BY (grain, dimension, at, key)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

{{distributed "trend_indicator_sums" "cityHash64(grain, dimension, at, key)"}};

-- When the last known message was appended: what is not known lies in that month's part of the ledger or later. 1970 is
-- unknown, and of sums says that a version wrote it which makes none of indicators and none for those who see everything.
{{alter "trend_cells_progress" `ADD COLUMN IF NOT EXISTS appended DateTime64(3, 'UTC')`}};
{{alter "trend_days_progress" `ADD COLUMN IF NOT EXISTS appended DateTime64(3, 'UTC')`}};
{{alter "trend_sums_of_hours_progress" `ADD COLUMN IF NOT EXISTS appended DateTime64(3, 'UTC')`}};
{{alter "trend_sums_of_days_progress" `ADD COLUMN IF NOT EXISTS appended DateTime64(3, 'UTC')`}};
{{alter "board_progress" `ADD COLUMN IF NOT EXISTS appended DateTime64(3, 'UTC')`}};
{{alter "campaign_progress" `ADD COLUMN IF NOT EXISTS appended DateTime64(3, 'UTC')`}};
