-- The user that trends are asked as (clickhouse.analyst_user), and Grafana: it counts, and can do nothing else. Run this
-- as an administrator of ClickHouse, again after each upgrade of the hub; every statement may be repeated. Put the
-- SHA-256 of its password where it says so:
--
--   hash=$(printf %s "$(cat analyst.password)" | sha256sum | cut -d' ' -f1)
--   sed "s/SHA256_OF_THE_PASSWORD/$hash/" analyst.sql | clickhouse-client --multiquery
--
-- The database is "waspada". On a cluster write ON CLUSTER into the first two statements and after each GRANT.

-- A question is stopped by these limits, not the ledger by the question. A question may set its own limits, within the
-- bounds: the driver must, and so "readonly" is 2. 0 would be no limit, and is out of bounds.
CREATE SETTINGS PROFILE OR REPLACE waspada_analyst SETTINGS
    readonly = 2,
    max_execution_time = 10 MIN 1 MAX 60,
    max_memory_usage = 1000000000 MIN 1 MAX 1000000000,
    max_rows_to_read = 150000000 MIN 1 MAX 150000000,
    max_result_rows = 1000000 MIN 1 MAX 1000000,
    max_concurrent_queries_for_user = 32 READONLY,
    timeout_overflow_mode = 'throw' READONLY,
    read_overflow_mode = 'throw' READONLY,
    result_overflow_mode = 'throw' READONLY;

CREATE USER OR REPLACE waspada_analyst IDENTIFIED WITH sha256_hash BY 'SHA256_OF_THE_PASSWORD'
    SETTINGS PROFILE 'waspada_analyst';

-- What trends are counted from. Of the ledger it reads neither the cases nor the weaker expressions of an indicator. On a
-- cluster rows are in tables named _local, on a single server there are none such; a right on nothing does no harm.
GRANT SELECT(kafka_partition, kafka_offset, appended, partner, event_id, kind, issued_at, hour, type, digest, category,
    action, platform, institution, region, loss_band, audience) ON waspada.events TO waspada_analyst;
GRANT SELECT(kafka_partition, kafka_offset, appended, partner, event_id, kind, issued_at, hour, type, digest, category,
    action, platform, institution, region, loss_band, audience) ON waspada.events_local TO waspada_analyst;
GRANT SELECT ON waspada.trend_* TO waspada_analyst;

-- What became of each indicator, for Grafana's boards.
GRANT SELECT(signals, reporters, cleared, confirmed) ON waspada.board_indicators TO waspada_analyst;
GRANT SELECT(signals, reporters, cleared, confirmed) ON waspada.board_indicators_local TO waspada_analyst;

-- Who the numbers of partners are: names and kinds, no keys.
GRANT SELECT ON waspada.partners, SELECT ON waspada.partners_local TO waspada_analyst;

-- How much each partner asks, for Grafana's board: never about what.
GRANT SELECT ON waspada.usage, SELECT ON waspada.usage_local TO waspada_analyst;
