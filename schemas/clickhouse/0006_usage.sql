-- How much each partner asked, and how: by hour, kind of request, node and run of that node. Never about what.
--
-- A node writes what it has counted of an hour so far, again and again, and rows are only ever added. Of one key every
-- count only grows, so of several rows the highest counts stand, in whatever order and however often they were written.
-- A node that starts again is another run.
CREATE TABLE IF NOT EXISTS {{table "usage"}} {{on_cluster}} (
    hour       DateTime('UTC') CODEC(Delta, ZSTD(1)),
    partner    UInt16,
    class      LowCardinality(String) COMMENT 'of request: lookup_one, lookup_many, lookup_batch, trends…',
    node       LowCardinality(String),
    run        UUID,
    calls      SimpleAggregateFunction(max, UInt64),
    refused    SimpleAggregateFunction(max, UInt64) COMMENT 'of the calls, by a quota',
    not_listed SimpleAggregateFunction(max, UInt64) COMMENT 'indicators that were answered so, as those that follow',
    cleared    SimpleAggregateFunction(max, UInt64),
    disputed   SimpleAggregateFunction(max, UInt64),
    suspected  SimpleAggregateFunction(max, UInt64),
    confirmed  SimpleAggregateFunction(max, UInt64),
    unsure     SimpleAggregateFunction(max, UInt64)
)
ENGINE = {{engine "AggregatingMergeTree"}}
ORDER BY (hour, partner, class, node, run)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

{{distributed "usage" "cityHash64(hour, partner, class, node, run)"}};
