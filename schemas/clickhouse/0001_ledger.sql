-- The ledger: every event that was ever verified, at the place where it stands in the reports topic.
--
-- A redelivered message is the same row again: the key is the position, the partition follows from the append time,
-- and the append time from the position. An insert is on disk when it is acknowledged (fsync), because the consumer
-- commits its offset on the strength of it.
--
-- Placeholders, filled from the configuration: "table" is where rows are kept, "on_cluster" and "engine" turn into
-- their replicated forms on a cluster, and "distributed" adds the table over all shards (nothing on one node).

CREATE TABLE IF NOT EXISTS {{table "events"}} {{on_cluster}} (
    kafka_partition UInt32,
    kafka_offset    UInt64 CODEC(Delta, ZSTD(1)),
    bundle_index    UInt16 CODEC(Delta, LZ4),
    appended        DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    partner         UInt16,
    event_id        UUID,
    kind            Enum8('report' = 1, 'withdraw' = 2, 'clear' = 3, 'dispute' = 4, 'sighting' = 5, 'action' = 6),
    issued_at       DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    type            Enum8('bank_account' = 1, 'payment_id' = 2, 'phone' = 3, 'url' = 4, 'domain' = 5, 'email' = 6,
                          'crypto_address' = 7, 'social_account' = 8),
    epoch           UInt16,
    digest          FixedString(32) CODEC(NONE), -- keyed digests do not compress
    also_grade      Array(Enum8('exact' = 1, 'prefix' = 2, 'weak' = 3)),
    also_digest     Array(FixedString(32)) CODEC(NONE),
    category        UInt16, -- schemas/taxonomy, as platform, institution and region; 0 is none
    role            Enum8('' = 0, 'mule' = 1, 'caller' = 2, 'lure' = 3, 'collector' = 4, 'impersonated' = 5),
    confidence      UInt8,
    evidence        UInt8, -- bits, from the lowest: police_report, confirmed_loss, bank_suspected, platform_actioned,
                           -- user_report, predictive
    observed_at     DateTime64(3, 'UTC') COMMENT '1970 is none' CODEC(Delta, ZSTD(1)),
    expires_at      DateTime64(3, 'UTC') COMMENT '1970 is none' CODEC(ZSTD(1)),
    tlp             Enum8('' = 0, 'CLEAR' = 1, 'GREEN' = 2, 'AMBER' = 3, 'AMBER+STRICT' = 4, 'RED' = 5),
    advice          Enum8('' = 0, 'observe' = 1, 'warn' = 2, 'hold' = 3, 'block' = 4),
    action          Enum8('' = 0, 'removed' = 1, 'blocked' = 2, 'held' = 3, 'refunded' = 4, 'no_action' = 5,
                          'disagreed' = 6),
    platform        UInt16,
    institution     UInt16,
    region          UInt16,
    loss_band       Enum8('' = 0, 'none' = 1, 'under_1k' = 2, '1k_10k' = 3, '10k_100k' = 4, '100k_1m' = 5,
                          'over_1m' = 6),
    case_id         String COMMENT 'opaque: joins the indicators of one incident',

    hour            DateTime('UTC') MATERIALIZED toStartOfHour(issued_at) CODEC(Delta, ZSTD(1)),

    INDEX by_event_id event_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_digest   digest   TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX by_hour     hour     TYPE minmax GRANULARITY 1,

    -- The same rows by trend cell: recounting a cell reads that cell.
    PROJECTION by_cell (
        SELECT hour, type, category, kind, partner, event_id
        ORDER BY hour, type, category, kind, partner
    )
)
ENGINE = {{engine "ReplacingMergeTree"}}
PARTITION BY toYYYYMM(appended)
ORDER BY (kafka_partition, kafka_offset, bundle_index)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, deduplicate_merge_projection_mode = 'rebuild';

{{distributed "events" "kafka_partition"}};

-- What was refused for good. It points to the original and holds none of its bytes.
CREATE TABLE IF NOT EXISTS {{table "dead_letters"}} {{on_cluster}} (
    kafka_partition UInt32,
    kafka_offset    UInt64 CODEC(Delta, ZSTD(1)),
    bundle_index    UInt16,
    whole           Bool COMMENT 'the bundle as a whole; bundle_index is then 0',
    appended        DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    partner         UInt16 COMMENT '0 when the signature did not prove one',
    event_id        UUID COMMENT 'nil when it could not be read',
    reason          LowCardinality(String),
    pointer         String,
    hint            String,
    size            UInt32 COMMENT 'of the message, in bytes',

    INDEX by_event_id event_id TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = {{engine "ReplacingMergeTree"}}
PARTITION BY toYYYYMM(appended)
ORDER BY (kafka_partition, kafka_offset, bundle_index)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

{{distributed "dead_letters" "kafka_partition"}};

-- Which messages of the reports topic are stored whole: those of [first, next). A row is written after the rows that it
-- speaks of, so it is true whatever fails; of one "first" the furthest "next" stands.
CREATE TABLE IF NOT EXISTS {{table "stored_ranges"}} {{on_cluster}} (
    kafka_partition UInt32,
    first           UInt64,
    next            UInt64,
    appended        DateTime64(3, 'UTC') COMMENT 'of the message before next'
)
ENGINE = {{engine "ReplacingMergeTree" "next"}}
ORDER BY (kafka_partition, first)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

{{distributed "stored_ranges" "kafka_partition"}};
