package store

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/waspada-hub/waspada/pkg/fraud"
)

// DeadLetters calls each with the dead letters that were asked for, those whose messages came last first.
func (r *Reader) DeadLetters(ctx context.Context, q fraud.LetterQuery, each func(*fraud.Letter) error) error {
	order := " ORDER BY appended DESC, kafka_partition, kafka_offset, bundle_index"
	if q.Limit > 0 {
		order += fmt.Sprintf(" LIMIT %d", q.Limit)
	}
	return r.letters(ctx, lettersOf(&q, nil)+order, each)
}

// LetterPage reads dead letters message by message, in the order of their places: those of the first messages after a
// place, or of the first of all for nil. All that were asked for of one message stand in one page; an empty page is the
// end. The query's limit is not regarded.
func (r *Reader) LetterPage(ctx context.Context, q fraud.LetterQuery, after *fraud.Place, letters int) (
	page []fraud.Letter, err error,
) {
	order := fmt.Sprintf(" ORDER BY kafka_partition, kafka_offset LIMIT %d WITH TIES", letters)
	err = r.letters(ctx, lettersOf(&q, after)+order, func(l *fraud.Letter) error {
		page = append(page, *l)
		return nil
	})
	return page, err
}

// letterColumns are those that letters scans.
const letterColumns = `kafka_partition, kafka_offset, bundle_index, whole, toUnixTimestamp64Milli(appended), partner,
	event_id, toString(reason), pointer, hint, size, times, toUnixTimestamp64Milli(at), operator, to_partition, to_offset`

func (r *Reader) letters(ctx context.Context, from string, yield func(*fraud.Letter) error) error {
	query := "SELECT " + letterColumns + " FROM " + from + spill
	var fault error
	err := each(ctx, r.conn, "read dead letters", query, func(rows driver.Rows) error {
		var (
			l                      fraud.Letter
			partition, toPartition uint32
			offset, toOffset       uint64
			partner                uint16
			appended, at           int64
			reason                 string
			size                   uint32
			times                  uint64
		)
		if err := rows.Scan(&partition, &offset, &l.Index, &l.Whole, &appended, &partner, &l.EventID, &reason,
			&l.Fault.Pointer, &l.Fault.Hint, &size, &times, &at, &l.Last.By, &toPartition, &toOffset); err != nil {
			return err
		}
		l.Partition, l.Offset = int32(partition), int64(offset)
		l.Appended, l.Partner, l.Size = fromMillis(appended), fraud.PartnerNumber(partner), int(size)
		l.Fault.Reason = fraud.Reason(reason)
		if l.Replays = int(times); times > 0 {
			l.Last.From, l.Last.At = l.Place(), fromMillis(at)
			l.Last.To = fraud.Place{Partition: int32(toPartition), Offset: int64(toOffset)}
		}
		fault = yield(&l)
		return fault
	})
	if fault != nil {
		return fault // the caller's own
	}
	return unmigrated(err)
}

// CountDeadLetters counts the dead letters that were asked for, the largest group first; no letters make no group. The
// query's limit is not regarded.
func (r *Reader) CountDeadLetters(ctx context.Context, q fraud.LetterQuery, by fraud.LetterGrouping) (
	groups []fraud.LetterGroup, err error,
) {
	reason, partner := "''", "toUInt16(0)"
	switch by {
	case fraud.LettersByReason:
		reason = "toString(reason)"
	case fraud.LettersByPartner:
		partner = "partner"
	}
	// Messages first: a set of the different ones would have to be held in memory.
	query := fmt.Sprintf(`
		SELECT r, p, sum(n), count(), toUnixTimestamp64Milli(min(came)), toUnixTimestamp64Milli(max(came)) FROM (
			SELECT %s AS r, %s AS p, kafka_partition, kafka_offset, count() AS n, max(appended) AS came FROM %s
			GROUP BY r, p, kafka_partition, kafka_offset)
		GROUP BY r, p ORDER BY 3 DESC, r, p`, reason, partner, lettersOf(&q, nil)) + spill
	err = each(ctx, r.conn, "count dead letters", query, func(rows driver.Rows) error {
		var (
			g           fraud.LetterGroup
			reason      string
			partner     uint16
			first, last int64
		)
		if err := rows.Scan(&reason, &partner, &g.Letters, &g.Messages, &first, &last); err != nil {
			return err
		}
		g.Reason, g.Partner = fraud.Reason(reason), fraud.PartnerNumber(partner)
		g.First, g.Last = fromMillis(first), fromMillis(last)
		groups = append(groups, g)
		return nil
	})
	return groups, unmigrated(err)
}

// Replays tells when a message was sent again, and of which message it is itself the copy: of each, the oldest first.
func (r *Reader) Replays(ctx context.Context, place fraud.Place) (from, to []fraud.Replay, err error) {
	ctx, cancel := context.WithTimeout(ctx, pointTimeout)
	defer cancel()
	query := fmt.Sprintf(`
		SELECT kafka_partition, kafka_offset, to_partition, to_offset, toUnixTimestamp64Milli(replayed), operator
		FROM replays FINAL
		WHERE (kafka_partition = %[1]d AND kafka_offset = %[2]d) OR (to_partition = %[1]d AND to_offset = %[2]d)
		ORDER BY replayed, to_partition, to_offset`, place.Partition, place.Offset)
	err = each(ctx, r.conn, "read replays", query, func(rows driver.Rows) error {
		var (
			replay                 fraud.Replay
			partition, toPartition uint32
			offset, toOffset       uint64
			at                     int64
		)
		if err := rows.Scan(&partition, &offset, &toPartition, &toOffset, &at, &replay.By); err != nil {
			return err
		}
		replay.From = fraud.Place{Partition: int32(partition), Offset: int64(offset)}
		replay.To = fraud.Place{Partition: int32(toPartition), Offset: int64(toOffset)}
		replay.At = fromMillis(at)
		if replay.From == place {
			from = append(from, replay)
		} else {
			to = append(to, replay)
		}
		return nil
	})
	return from, to, unmigrated(err)
}

// Became tells what the ledger holds of a message; nothing at all means that it is not stored yet.
func (r *Reader) Became(ctx context.Context, place fraud.Place) (fraud.Became, error) {
	ctx, cancel := context.WithTimeout(ctx, pointTimeout)
	defer cancel()
	where := fmt.Sprintf("WHERE kafka_partition = %d AND kafka_offset = %d", place.Partition, place.Offset)
	became := fraud.Became{Place: place}
	err := r.conn.QueryRow(ctx, fmt.Sprintf("SELECT (SELECT count() FROM events FINAL %[1]s), "+
		"(SELECT count() FROM dead_letters FINAL %[1]s)", where)).Scan(&became.Stored, &became.Refused)
	return became, classify("look up a message", err)
}

// PartnerIDs names every partner that was ever in the registry.
func (r *Reader) PartnerIDs(ctx context.Context) (map[fraud.PartnerNumber]string, error) {
	ids := map[fraud.PartnerNumber]string{}
	err := each(ctx, r.conn, "read partners", "SELECT number, id FROM partners FINAL", func(rows driver.Rows) error {
		var (
			number uint16
			id     string
		)
		err := rows.Scan(&number, &id)
		ids[fraud.PartnerNumber(number)] = id
		return err
	})
	return ids, err
}

// RecordReplays notes what was sent again and returns when it is on disk. It may be repeated.
func (w *Writer) RecordReplays(ctx context.Context, replays []fraud.Replay) error {
	rows := make([]*fraud.Replay, len(replays))
	for i := range replays {
		rows[i] = &replays[i]
	}
	return unmigrated(insert(ctx, w.conn, "replays", replayColumns, rows))
}

var replayColumns = []column[fraud.Replay]{
	of("kafka_partition", func(r *fraud.Replay) uint32 { return uint32(r.From.Partition) }),
	of("kafka_offset", func(r *fraud.Replay) uint64 { return uint64(r.From.Offset) }),
	of("to_partition", func(r *fraud.Replay) uint32 { return uint32(r.To.Partition) }),
	of("to_offset", func(r *fraud.Replay) uint64 { return uint64(r.To.Offset) }),
	of("replayed", func(r *fraud.Replay) int64 { return millis(r.At) }),
	of("operator", func(r *fraud.Replay) string { return r.By }),
}

// lettersOf is what stands after FROM for a query: the dead letters with what was done about each. The join takes place
// on the node that is asked, so that it is whole on a cluster too.
func lettersOf(q *fraud.LetterQuery, after *fraud.Place) string {
	conditions := []string{"1"}
	add := func(format string, args ...any) { conditions = append(conditions, fmt.Sprintf(format, args...)) }
	if len(q.Reasons) > 0 {
		add("reason IN (%s)", list(q.Reasons, func(r fraud.Reason) string { return literal(string(r)) }))
	}
	if len(q.Partners) > 0 {
		add("partner IN (%s)", list(q.Partners, number))
	}
	if len(q.Partitions) > 0 {
		add("kafka_partition IN (%s)", list(q.Partitions, number))
	}
	if len(q.Places) > 0 {
		add("(kafka_partition, kafka_offset) IN (%s)", list(q.Places, tuple))
	}
	if !q.Since.IsZero() {
		add("appended >= fromUnixTimestamp64Milli(%d)", q.Since.UnixMilli())
	}
	if !q.Until.IsZero() {
		add("appended < fromUnixTimestamp64Milli(%d)", q.Until.UnixMilli())
	}
	if after != nil {
		add("(kafka_partition, kafka_offset) > %s", tuple(*after))
	}
	text := fmt.Sprintf(`(SELECT * FROM dead_letters FINAL WHERE %s) AS d
		LEFT JOIN (
			SELECT kafka_partition, kafka_offset, count() AS times, max(replayed) AS at,
				argMax(operator, replayed) AS operator, argMax(to_partition, replayed) AS to_partition,
				argMax(to_offset, replayed) AS to_offset
			FROM replays FINAL GROUP BY kafka_partition, kafka_offset) AS r
		USING (kafka_partition, kafka_offset)`, strings.Join(conditions, " AND "))
	if !q.Replayed {
		text += " WHERE times = 0"
	}
	return text
}

func number[N ~int32 | ~uint16 | ~uint32](n N) string { return fmt.Sprint(n) }

func tuple(p fraud.Place) string { return fmt.Sprintf("(%d, %d)", p.Partition, p.Offset) }

func list[V any](values []V, text func(V) string) string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = text(v)
	}
	return strings.Join(texts, ", ")
}

// unmigrated says what to do about a database that is older than this program.
func unmigrated(err error) error {
	const unknownTable = 60
	var refused *clickhouse.Exception
	if errors.As(err, &refused) && refused.Code == unknownTable {
		return fmt.Errorf("store: the database lacks a table that this version needs: run waspadad migrate")
	}
	return err
}
