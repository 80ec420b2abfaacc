-- Who may be told of an event, so that trends count for each partner what it may see; and the events that speak of a
-- digest as a broader or weaker expression, so that the history of any expression is found.
--
-- The audience is that of pkg/fraud: 0 is everyone, up to 127 a sharing group, 255 nobody but the source and authorities.

{{alter "events" `
    ADD COLUMN IF NOT EXISTS audience UInt8 MATERIALIZED multiIf(
        tlp IN ('CLEAR', 'GREEN'), 0,
        tlp IN ('', 'AMBER'), sharing_group,
        tlp = 'AMBER+STRICT' AND sharing_group != 0, sharing_group,
        255)`}};

ALTER TABLE {{table "events"}} {{on_cluster}}
    ADD INDEX IF NOT EXISTS by_also also_digest TYPE bloom_filter(0.01) GRANULARITY 1;

ALTER TABLE {{table "events"}} {{on_cluster}}
    MATERIALIZE INDEX by_also;

-- The same rows by trend cell: recounting a cell reads that cell.
ALTER TABLE {{table "events"}} {{on_cluster}}
    ADD PROJECTION IF NOT EXISTS by_audience (
        SELECT hour, type, category, kind, partner, audience, event_id
        ORDER BY hour, type, category, kind, partner, audience
    );

ALTER TABLE {{table "events"}} {{on_cluster}}
    MATERIALIZE PROJECTION by_audience;

ALTER TABLE {{table "events"}} {{on_cluster}}
    DROP PROJECTION IF EXISTS by_cell;

-- The roll-up, with the audience in its cells, in the place of trend_hours. It begins empty and counts the whole ledger
-- the first time; answers are exact meanwhile.
CREATE TABLE IF NOT EXISTS {{table "trend_cells"}} {{on_cluster}} (
    hour     DateTime('UTC') CODEC(Delta, ZSTD(1)),
    type     Enum8('bank_account' = 1, 'payment_id' = 2, 'phone' = 3, 'url' = 4, 'domain' = 5, 'email' = 6,
                   'crypto_address' = 7, 'social_account' = 8),
    category UInt16,
    kind     Enum8('report' = 1, 'withdraw' = 2, 'clear' = 3, 'dispute' = 4, 'sighting' = 5, 'action' = 6,
                   'uphold' = 7),
    partner  UInt16,
    audience UInt8,
    events   SimpleAggregateFunction(max, UInt64)
)
ENGINE = {{engine "AggregatingMergeTree"}}
ORDER BY (hour, type, category, kind, partner, audience)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

{{distributed "trend_cells" "cityHash64(hour, type, category, kind, partner, audience)"}};

-- Up to where it has counted: it knows every message before next.
CREATE TABLE IF NOT EXISTS {{table "trend_cells_progress"}} {{on_cluster}} (
    kafka_partition UInt32,
    next            UInt64
)
ENGINE = {{engine "ReplacingMergeTree" "next"}}
ORDER BY kafka_partition
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

{{distributed "trend_cells_progress" "kafka_partition"}};

-- What it replaces counted without markings: no answer may come from it again.
DROP TABLE IF EXISTS trend_hours {{on_cluster}};
DROP TABLE IF EXISTS trend_hours_local {{on_cluster}};
DROP TABLE IF EXISTS trend_progress {{on_cluster}};
DROP TABLE IF EXISTS trend_progress_local {{on_cluster}};
