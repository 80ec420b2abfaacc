-- Which indicators belong together, and why. What is confined by its marking is not in here: it forms no links.

-- A link: by this event the indicator has the connector. A connector is a hash of (case, partner, name), (bundle,
-- partition, offset) or (host, digest of the host's front page). It says what was said; whether it counts, the partner's
-- standing word tells when it is read.
CREATE TABLE IF NOT EXISTS {{table "campaign_links"}} {{on_cluster}} (
    connector FixedString(16) CODEC(NONE),
    kind      Enum8('case' = 1, 'bundle' = 2, 'host' = 3),
    digest    FixedString(32) CODEC(NONE),
    partner   UInt16,
    event_id  UUID,
    type      Enum8('bank_account' = 1, 'payment_id' = 2, 'phone' = 3, 'url' = 4, 'domain' = 5, 'email' = 6,
                    'crypto_address' = 7, 'social_account' = 8),
    category  UInt16,
    loss_band Enum8('' = 0, 'none' = 1, 'under_1k' = 2, '1k_10k' = 3, '10k_100k' = 4, '100k_1m' = 5, 'over_1m' = 6),
    issued_at DateTime64(3, 'UTC'),
    appended  DateTime64(3, 'UTC'),
    signed_by UInt8,
    held      Bool,

    -- The same by indicator.
    PROJECTION by_digest (
        SELECT digest, connector
        ORDER BY digest
    )
)
ENGINE = {{engine "ReplacingMergeTree"}}
ORDER BY (connector, digest, partner, event_id, appended)
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1,
    deduplicate_merge_projection_mode = 'rebuild';

{{distributed "campaign_links" "cityHash64(connector)"}};

-- To which campaign an indicator belongs; '' is none.
CREATE TABLE IF NOT EXISTS {{table "campaign_members"}} {{on_cluster}} (
    digest   FixedString(32) CODEC(NONE),
    campaign String,
    version  UInt64
)
ENGINE = {{engine "ReplacingMergeTree" "version"}}
ORDER BY digest
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1;

{{distributed "campaign_members" "cityHash64(digest)"}};

-- The campaigns, each in one row with its evidence. One without members has ended, in another or in none.
CREATE TABLE IF NOT EXISTS {{table "campaigns"}} {{on_cluster}} (
    id            String COMMENT '16 hexadecimal digits',
    version       UInt64,
    size          UInt32 COMMENT 'how many members',
    ended_in      String COMMENT 'where most of the members of one that has ended are',
    first_said    DateTime64(3, 'UTC') COMMENT 'issued_at, of the reports that link; as the others',
    last_said     DateTime64(3, 'UTC'),
    reports       UInt64,
    partners      UInt16 COMMENT 'independent organisations that reported',
    types         Array(Int8) COMMENT 'of members, in order, each once',
    categories    Array(UInt16) COMMENT 'of reports, the most frequent first',
    losses        Array(UInt32) COMMENT 'reports by loss band, from none given',
    left_out      UInt32 COMMENT 'connectors that would have made it too large',
    members       Array(FixedString(32)),
    member_types  Array(Int8),
    member_first  Array(Int64) COMMENT 'Unix milliseconds',
    member_last   Array(Int64),
    edge_kinds    Array(Int8),
    edge_connectors Array(FixedString(16)),
    edge_partners Array(UInt16),
    edge_members  Array(Array(UInt16)) COMMENT 'places in members'
)
ENGINE = {{engine "ReplacingMergeTree" "version"}}
ORDER BY id
SETTINGS index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1;

{{distributed "campaigns" "cityHash64(id)"}};

-- Up to where links were taken from the ledger, and clustered: they know every message before next.
CREATE TABLE IF NOT EXISTS {{table "campaign_progress"}} {{on_cluster}} (
    kafka_partition UInt32,
    next            UInt64
)
ENGINE = {{engine "ReplacingMergeTree" "next"}}
ORDER BY kafka_partition
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

{{distributed "campaign_progress" "kafka_partition"}};

-- What else was seen to change, and how far it was gone through: see internal/campaigns.
CREATE TABLE IF NOT EXISTS {{table "campaign_passes"}} {{on_cluster}} (
    name    String,
    state   UInt64,
    slice   UInt16 COMMENT 'of the digests: those before it are done',
    version UInt64
)
ENGINE = {{engine "ReplacingMergeTree" "version"}}
ORDER BY name
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

{{distributed "campaign_passes" "cityHash64(name)"}};

-- Which node works at campaigns: one at a time.
CREATE TABLE IF NOT EXISTS {{table "campaign_turns"}} {{on_cluster}} (
    turn  UUID,
    at    DateTime64(3, 'UTC'),
    ended Bool
)
ENGINE = {{engine "ReplacingMergeTree" "ended"}}
ORDER BY turn
TTL toDateTime(at) + INTERVAL 1 DAY
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

{{distributed "campaign_turns" "cityHash64(turn)"}};

-- What is erased must not go on standing in the text of the statement: see 0007.
ALTER TABLE {{table "campaign_links"}} {{on_cluster}} MODIFY SETTING finished_mutations_to_keep = 1;

ALTER TABLE {{table "campaign_members"}} {{on_cluster}} MODIFY SETTING finished_mutations_to_keep = 1;

ALTER TABLE {{table "campaigns"}} {{on_cluster}} MODIFY SETTING finished_mutations_to_keep = 1;
