-- Each partner's standing word on each digest.
--
-- Never partitioned by time: ReplacingMergeTree replaces within a partition only, and a withdrawal in March must meet
-- the report of January. The version holds issued_at, then the precedence of the stance, then everything else by which
-- two opinions could differ: no order of arrival and no replay can bring back what was withdrawn.

CREATE TABLE IF NOT EXISTS {{table "opinions"}} {{on_cluster}} (
    digest     FixedString(32) CODEC(NONE),
    partner    UInt16,
    origin     UInt32,
    sighted    Bool,
    type       Enum8('bank_account' = 1, 'payment_id' = 2, 'phone' = 3, 'url' = 4, 'domain' = 5, 'email' = 6,
                     'crypto_address' = 7, 'social_account' = 8),
    grade      Enum8('exact' = 1, 'prefix' = 2, 'weak' = 3),
    stance     Enum8('listed' = 1, 'withdrawn' = 2, 'cleared' = 3, 'disputed' = 4, 'sighted' = 5),
    category   UInt16,
    evidence   UInt8,
    confidence UInt8,
    advice     Enum8('' = 0, 'observe' = 1, 'warn' = 2, 'hold' = 3, 'block' = 4),
    tlp        Enum8('' = 0, 'CLEAR' = 1, 'GREEN' = 2, 'AMBER' = 3, 'AMBER+STRICT' = 4, 'RED' = 5),
    expires_at DateTime('UTC') COMMENT '1970 is never',
    issued     UInt64 COMMENT 'issued_at in ms << 22, precedence of the stance << 20, 20 bits of the event id',
    tie        UInt64 COMMENT 'everything else by which two opinions could differ',
    version    UInt128 MATERIALIZED bitOr(bitShiftLeft(toUInt128(issued), 64), toUInt128(tie))
)
ENGINE = {{engine "ReplacingMergeTree" "version"}}
ORDER BY (digest, partner, origin, sighted)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

{{distributed "opinions" "cityHash64(digest)"}};
