// Package store is the hub's memory on disk, and the only package that speaks SQL.
//
//	             ┌▶ opinions        each partner's standing word on each digest     ──Opinions──▶ index
//	Segment ─────┼▶ dead_letters    what was refused, without its bytes             ─┐
//	Writer.Insert├▶ events          the ledger: every event at its position         ─┴─Event───▶ api
//	(in order)   └▶ stored_ranges   which messages are stored whole                 ──StoredOffsets──▶ ingest, index
//
//	events ──RollUp──▶ trend_cells, ──RollUpDays──▶ trend_days, trend_distinct_sketches ─┬Analyst.Series──▶ trends
//	  │                     └─────────────────────────┴─▶ trend_sums ─────────────────────┤
//	  └─CountIndicators──▶ trend_distinct_counts ─────────────────────────────────────────┘
//	events ──RollUpBoards──▶ board_words ─▶ board_indicators, board_said ──PlatformBoard, PartnerBoard──▶ boards
//	                                            Audit proves the cells, sketches, sums and boards against the ledger
//	dead_letters, replays ──DeadLetters──▶ operators ──RecordReplays──▶ replays: what was sent again
//	every api node ──AddUsage──▶ usage: how much partners asked   RecordActs──▶ acts   AuditTrail──▶ who did what
//	an operator ──Eraser──▶ events without content, no opinions: of one indicator nothing is left
//	operators ──Revise──▶ acts, partner_revisions ──PartnerRevisions──▶ the registry of every node
//
// # Nothing counts twice
//
// Every statement may be repeated. A row's key is its position in Kafka, so a redelivered message is the same row again
// and ReplacingMergeTree keeps one. An event is (partner, event_id): counts are of different ids, so an event that was
// sent again, at another offset, still counts once. Opinions carry a version that orders everything a partner said
// about a digest, so neither order nor replay matters.
//
// # What is stored
//
// An insert is one block into one partition, the only form that ClickHouse writes whole or not at all, and is on disk
// when it is acknowledged. The highest offset in the ledger proves little: of one segment the dead letters may be in
// and the events not. So Insert ends by writing the range [First, Last+1) to stored_ranges, and [Reader.StoredOffsets]
// answers with the end of the first unbroken range: a hole is never reported as stored, whatever was written after it,
// and it closes when the messages are delivered again. Against a ledger that lost rows after all (a part that was
// detached, an old backup) the last messages of each range are looked up in the ledger itself; [Reader.Audit] looks up
// all of them.
//
// # Trends
//
// A cell is (hour of issued_at, type, category, kind, partner, audience), and its value how many different events of
// that partner fall into it; the audience is who may be told of them, so that an answer counts what the asker may see.
// The ledger only grows, so a value only grows, and of several values of one cell the highest is the latest. That makes
// everything simple:
//
//	RollUp   recounts, from the ledger, the cells that messages since the last time touched, adds the values to
//	         trend_cells, where the highest wins, and only then notes how far it has come (W per Kafka partition)
//	Series   takes for each cell the higher of the rolled-up value and, for cells touched by messages from W on, the
//	         value counted from the ledger at this moment
//
// So an answer always equals a direct count over the ledger: it does not matter whether the roll-up ran, runs at this
// moment on two nodes, or was killed half-way. Recounting cells and not whole hours is what keeps stragglers cheap: a
// report that comes six days late costs one cell. The ledger's projection by_audience makes a cell a contiguous read.
//
// A year of a nation by hours is too much to read for an answer. So RollUpDays does the same for days of Malaysia, of each
// dimension by itself (trend_days).
//
// Both have more rows the more partners and events there are. So each hour and day is also summed up over partners, by
// dimension, kind and audience, and over audiences for those who see everything (trend_sums): what most questions are about
// is then few rows, however much happens. A sum of counts that only grow only grows, too; it is made of the finer roll-up
// whenever that has come further.
//
// Different indicators do not add up: what two days, partners or audiences have in common counts once. But of one day
// or week, indicators that are told to the same partners do, and those are few sorts: most are told to everyone. So
// CountIndicators counts each day and week whole, by who may be told (trend_distinct_counts), and an answer adds up
// the sorts that the asker is among: exactly, and in as many rows as the chart has points. Counting whole weeks takes
// long, so it comes up to an hour later; for what happened since, and for windows of any days, there are sketches of days,
// weeks and months (trend_distinct_sketches), which can be united and err by about two per cent. Both have granules of 256
// rows: a question reads some hundred of them, and of ClickHouse's usual 8,192 nearly everything was read for nothing.
//
// For hours and days that hold messages which the sums do not know, Series asks the finer roll-up.
//
// Series reads the ledger only for hours and days that no roll-up knows whole, and for what none covers: hours of a
// platform, institution, region or band of loss, two dimensions at a time, and filters by another dimension than the one
// asked for. [Analyst] bounds what such a question may take.
//
// A partner that uses one event_id for different events counts once in each cell that they fall into; [Reader.Audit]
// tells how many ids were used so.
//
// # Boards
//
// What an indicator has come to (was it acted on, taken back, cleared, confirmed, who was first) follows from everything that
// was said about it, and from the registry of this moment: whose words count and who was told. Such a thing does not only
// grow, so it is worked out anew, whole, each time that somebody speaks of the indicator, and of several rows the latest
// stands:
//
//	RollUpBoards  copies new words beside the others about the same digest (board_words), works out from them what the
//	              touched digests have come to (board_indicators), counts the touched hours (board_said), and only then
//	              notes how far it has come, and by which rules of the registry
//	the boards    take what was rolled up for digests that no message since has touched and on which the registry's rules
//	              still mean the same, and work out the others from their words at this moment
//
// So a board, too, always equals a direct count over the ledger. When the registry changes, the two sets of rules are
// compared as conditions on words: the digests of words for which they differ are worked out anew, whatever the change was.
// Nodes take turns, and each turn has a higher version than all before it: what a node writes that was thought dead stands
// against nothing that was counted after its turn.
//
// # Clusters
//
// On a cluster each table is a Distributed one over a table of the same name and "_local" on every shard. Rows of one
// Kafka partition lie on one shard, and so do the opinions on one digest, so that copies still meet. An event that was
// sent twice may lie on two shards; counts are of different ids over all of them. The number of shards is for good once
// there are rows, as ClickHouse moves none.
//
// With Keeper the tables are replicated and the cluster carries Migrate's statements everywhere. Without it
// ([Config].Keeper), Migrate goes to every host itself and a shard is a single server. Its operator gives up: a second
// copy of the rows, so a lost disk means a backup, or a new database and the whole reports topic again; inserts while
// a shard is down, which wait as for a single server that is down; and answers from the ledger meanwhile. Lookups go
// on: they are from memory.
//
// While a shard is down every read fails, whatever the servers' settings allow: half an answer would look like a whole
// one.
//
// # Failure
//
// What ClickHouse will refuse again and again, because of the rows themselves, is a [fraud.Fault] with reason
// not_storable: the caller looks for the row by halving the segment. Everything else wraps [fraud.ErrUnavailable],
// including errors that nobody foresaw: holding a partition is better than losing an event to a wrong guess. An
// operation that failed may have happened; repeat it. What ClickHouse refuses a user for want of a right wraps
// [fraud.ErrMisconfigured] as well: it waits for an operator.
package store
