-- Who the numbers of the ledger are.
CREATE TABLE IF NOT EXISTS {{table "partners"}} {{on_cluster}} (
    number       UInt16,
    id           String,
    kind         Enum8('bank' = 1, 'ewallet' = 2, 'platform' = 3, 'telco' = 4, 'police' = 5, 'regulator' = 6),
    organisation String,
    recorded     DateTime64(3, 'UTC')
)
ENGINE = {{engine "ReplacingMergeTree" "recorded"}}
ORDER BY number
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

{{distributed "partners" "number"}};

-- The roll-up: how many different events fall into each cell. The ledger only grows, so a count only grows: of several
-- counts of one cell the highest is the latest, in whatever order and however often they were written.
CREATE TABLE IF NOT EXISTS {{table "trend_hours"}} {{on_cluster}} (
    hour     DateTime('UTC') CODEC(Delta, ZSTD(1)),
    type     Enum8('bank_account' = 1, 'payment_id' = 2, 'phone' = 3, 'url' = 4, 'domain' = 5, 'email' = 6,
                   'crypto_address' = 7, 'social_account' = 8),
    category UInt16,
    kind     Enum8('report' = 1, 'withdraw' = 2, 'clear' = 3, 'dispute' = 4, 'sighting' = 5, 'action' = 6),
    partner  UInt16,
    events   SimpleAggregateFunction(max, UInt64)
)
ENGINE = {{engine "AggregatingMergeTree"}}
ORDER BY (hour, type, category, kind, partner)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

{{distributed "trend_hours" "cityHash64(hour, type, category, kind, partner)"}};

-- Up to where the roll-up has counted: it knows every message before next.
CREATE TABLE IF NOT EXISTS {{table "trend_progress"}} {{on_cluster}} (
    kafka_partition UInt32,
    next            UInt64
)
ENGINE = {{engine "ReplacingMergeTree" "next"}}
ORDER BY kafka_partition
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

{{distributed "trend_progress" "kafka_partition"}};
