-- How each word came to the hub: when it was accepted, under which of its partner's keys, for which sharing group, and
-- whether it waits for the hub's operators. And a kind of event with which authorities answer disputes.

{{alter "events" `
    ADD COLUMN IF NOT EXISTS signed_by UInt8 COMMENT 'number of the partner key; 0 is the gateway',
    ADD COLUMN IF NOT EXISTS sharing_group UInt8 COMMENT 'schemas/taxonomy/group.json; 0 is none',
    ADD COLUMN IF NOT EXISTS held Bool COMMENT 'it counts once it is released',
    MODIFY COLUMN kind Enum8('report' = 1, 'withdraw' = 2, 'clear' = 3, 'dispute' = 4, 'sighting' = 5, 'action' = 6,
                             'uphold' = 7)`}};

{{alter "opinions" `
    ADD COLUMN IF NOT EXISTS provenance UInt32 COMMENT 'from the highest bit: seconds from issue to acceptance and 301, 20 bits, 0 is unknown; held, 1; number of the key, 4; group, 7',
    MODIFY COLUMN stance Enum8('listed' = 1, 'withdrawn' = 2, 'cleared' = 3, 'disputed' = 4, 'sighted' = 5,
                               'upheld' = 6)`}};

{{alter "trend_hours" `
    MODIFY COLUMN kind Enum8('report' = 1, 'withdraw' = 2, 'clear' = 3, 'dispute' = 4, 'sighting' = 5, 'action' = 6,
                             'uphold' = 7)`}};
