-- What authorities did about disputes. A dispute is an event of kind dispute: this table knows its id alone. Rows are only
-- ever added; of several with one number that with the lowest id stands, and the others came to nothing.
CREATE TABLE IF NOT EXISTS {{table "dispute_steps"}} {{on_cluster}} (
    dispute      UUID COMMENT 'id of the event',
    number       UInt8 COMMENT 'of the step, from 1',
    id           String COMMENT 'a UUIDv7, as text since UUIDs are not ordered by their text',
    at           DateTime64(3, 'UTC'),
    step         LowCardinality(String) COMMENT 'the state that it leads to',
    by           String COMMENT 'partner',
    key          String COMMENT 'id of the API key or certificate, never a secret',
    reason       LowCardinality(String) COMMENT 'schemas/taxonomy/reason.json: fit for the subject',
    investigator LowCardinality(String) COMMENT 'schemas/taxonomy/investigator.json: for authorities alone',
    event_id     UUID COMMENT 'of the event that says the decision; nil for a review',
    issued_at    DateTime64(3, 'UTC') COMMENT 'of that event, as what follows; 1970 for a review',
    category     LowCardinality(String),
    confidence   UInt8
)
ENGINE = {{engine "ReplacingMergeTree"}}
ORDER BY (dispute, number, id)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

{{distributed "dispute_steps" "cityHash64(dispute)"}};

-- Disputes are few among many events.
ALTER TABLE {{table "events"}} {{on_cluster}} ADD INDEX IF NOT EXISTS by_kind kind TYPE set(8) GRANULARITY 1;
