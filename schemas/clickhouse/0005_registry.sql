-- The registry: every version of every partner's record. Rows are only ever added. Of one partner the highest revision
-- is in force; where two nodes wrote the same revision, that of the lower act, and the other's act came to nothing.
CREATE TABLE IF NOT EXISTS {{table "partner_revisions"}} {{on_cluster}} (
    number   UInt16 COMMENT 'of the partner',
    revision UInt64 COMMENT 'from 1',
    act      String COMMENT 'id of the act that made it: a UUIDv7, as text since UUIDs are not ordered by their text',
    at       DateTime64(3, 'UTC'),
    record   String COMMENT 'JSON: the whole record; of API keys the hash, of signing keys the public half'
)
ENGINE = {{engine "ReplacingMergeTree"}}
ORDER BY (number, revision, act)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

{{distributed "partner_revisions" "number"}};

-- The audit: what operators did. Rows are only ever added, each before what it tells of is done.
CREATE TABLE IF NOT EXISTS {{table "acts"}} {{on_cluster}} (
    at       DateTime64(3, 'UTC'),
    id       String COMMENT 'a UUIDv7',
    by       String COMMENT 'partner; empty is the daemon itself',
    key      String COMMENT 'id of the API key, never its secret',
    what     LowCardinality(String),
    whom     String COMMENT 'partner',
    object   String COMMENT 'id of the key that it is about',
    reason   String,
    number   UInt16 COMMENT 'of whom',
    revision UInt64 COMMENT 'that it makes of the record of whom; 0 is none'
)
ENGINE = {{engine "ReplacingMergeTree"}}
ORDER BY (at, id)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

{{distributed "acts" "cityHash64(id)"}};
