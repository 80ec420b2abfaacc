package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/waspada-hub/waspada/pkg/fraud"
)

// span is a run of messages that are stored whole: those of [first, next).
type span struct {
	partition   int32
	first, next int64
	appended    time.Time // of the message before next
}

// extend writes that a segment is stored: it lengthens the range that the segment begins in or at, and begins another
// where it would leave a hole. It reads what is there each time, for 4 ms: a writer that trusts its memory would write
// over the hole that a restored backup has left.
func (w *Writer) extend(ctx context.Context, seg *fraud.Segment) error {
	all, err := readRanges(ctx, w.conn, seg.Partition)
	if err != nil {
		return err
	}
	s, held := span{partition: seg.Partition, first: seg.First, next: seg.First}, false
	for _, r := range all[seg.Partition] {
		if r.first <= seg.First && seg.First <= r.next {
			s, held = r, true
		}
	}
	if !held && w.followed(seg.Partition, seg.First) {
		return fmt.Errorf("store: messages before %d of partition %d: %w", seg.First, seg.Partition, fraud.ErrForgotten)
	}
	if seg.Last >= s.next {
		s.next = seg.Last + 1
		if t := lastAppended(seg); !t.IsZero() {
			s.appended = t
		}
		if err := insert(ctx, w.conn, "stored_ranges", rangeColumns, []*span{&s}); err != nil {
			return err
		}
	}
	w.mu.Lock()
	w.next[seg.Partition] = seg.Last + 1
	w.mu.Unlock()
	return nil
}

// followed reports whether this writer has stored what comes just before an offset. It forgets what it says, so that
// the partition can begin anew.
func (w *Writer) followed(partition int32, offset int64) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	next, known := w.next[partition]
	delete(w.next, partition)
	return known && next == offset
}

// lastAppended is the append time of the segment's last message.
func lastAppended(seg *fraud.Segment) time.Time {
	var (
		last int64 = -1
		at   time.Time
	)
	for i := range seg.Entries {
		if e := &seg.Entries[i]; e.Offset > last {
			last, at = e.Offset, e.Appended
		}
	}
	for i := range seg.DeadLetters {
		if d := &seg.DeadLetters[i]; d.Offset > last {
			last, at = d.Offset, d.Appended
		}
	}
	return at
}

// StoredOffset tells how far the ledger holds a partition; the zero Stored when it holds nothing of it.
func (w *Writer) StoredOffset(ctx context.Context, partition int32) (fraud.Stored, error) {
	all, err := storedOffsets(ctx, w.conn, partition)
	return all[partition], err
}

// StoredOffsets tells how far the ledger holds each partition of which it holds anything.
func (r *Reader) StoredOffsets(ctx context.Context) (map[int32]fraud.Stored, error) {
	return storedOffsets(ctx, r.conn)
}

// storedOffsets answers from the ranges, and looks in the ledger whether the end of the range is really there.
func storedOffsets(ctx context.Context, conn driver.Conn, partitions ...int32) (map[int32]fraud.Stored, error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	all, err := readRanges(ctx, conn, partitions...)
	if err != nil {
		return nil, err
	}
	stored := make(map[int32]fraud.Stored, len(all))
	for partition, ranges := range all {
		whole := ranges[0]
		tail, err := readTail(ctx, conn, whole)
		if err != nil {
			return nil, err
		}
		stored[partition] = confirm(whole, tail)
	}
	return stored, nil
}

// tailLength is how many messages before the end of a range are looked up in the ledger. It has to cover what a machine
// may lose that lied about its disk: some seconds.
const tailLength = 4096

// message is a message of which the ledger holds rows.
type message struct {
	offset   int64
	appended time.Time
}

func readTail(ctx context.Context, conn driver.Conn, s span) ([]message, error) {
	const query = `
		SELECT kafka_offset, toUnixTimestamp64Milli(max(appended)) FROM (
			SELECT kafka_offset, appended FROM events
			WHERE kafka_partition = ? AND kafka_offset >= ? AND kafka_offset < ?
			UNION ALL
			SELECT kafka_offset, appended FROM dead_letters
			WHERE kafka_partition = ? AND kafka_offset >= ? AND kafka_offset < ?)
		GROUP BY kafka_offset ORDER BY kafka_offset`
	from := max(s.first, s.next-tailLength)
	var tail []message
	err := each(ctx, conn, "look up the end of a stored range", query, func(rows driver.Rows) error {
		var (
			offset uint64
			ms     int64
		)
		if err := rows.Scan(&offset, &ms); err != nil {
			return err
		}
		tail = append(tail, message{int64(offset), fromMillis(ms)})
		return nil
	}, s.partition, from, s.next, s.partition, from, s.next)
	return tail, err
}

// confirm cuts a range at the first message of its tail that the ledger does not hold. Offsets that Kafka used for
// itself look the same; then some messages too many are read again.
func confirm(s span, tail []message) fraud.Stored {
	stored := fraud.Stored{Next: max(s.first, s.next-tailLength)}
	for _, m := range tail {
		if m.offset != stored.Next {
			break
		}
		stored.Next, stored.Appended = m.offset+1, m.appended
	}
	return stored
}

// readRanges reads the stored ranges of some partitions, or of all, joined where they touch, in order.
func readRanges(ctx context.Context, conn driver.Conn, partitions ...int32) (map[int32][]span, error) {
	query := "SELECT kafka_partition, first, max(next), toUnixTimestamp64Milli(argMax(appended, next)) " +
		"FROM stored_ranges"
	if len(partitions) > 0 {
		list := strings.ReplaceAll(strings.Trim(fmt.Sprint(partitions), "[]"), " ", ",")
		query += " WHERE kafka_partition IN (" + list + ")"
	}
	query += " GROUP BY kafka_partition, first"
	all := map[int32][]span{}
	err := each(ctx, conn, "read stored ranges", query, func(rows driver.Rows) error {
		var (
			partition   uint32
			first, next uint64
			ms          int64
		)
		if err := rows.Scan(&partition, &first, &next, &ms); err != nil {
			return err
		}
		p := int32(partition)
		all[p] = append(all[p], span{p, int64(first), int64(next), fromMillis(ms)})
		return nil
	})
	for p := range all {
		all[p] = join(all[p])
	}
	return all, err
}

// join sorts ranges of one partition and joins those that touch or overlap.
func join(ranges []span) []span {
	slices.SortFunc(ranges, func(a, b span) int { return cmp.Compare(a.first, b.first) })
	var joined []span
	for _, r := range ranges {
		last := len(joined) - 1
		switch {
		case last < 0 || r.first > joined[last].next:
			joined = append(joined, r)
		case r.next > joined[last].next:
			joined[last].next, joined[last].appended = r.next, r.appended
		}
	}
	return joined
}

// AppendTime tells when Kafka appended the message of which the ledger holds rows at an offset; false where it holds
// none.
func (r *Reader) AppendTime(ctx context.Context, partition int32, offset int64) (time.Time, bool, error) {
	ctx, cancel := context.WithTimeout(ctx, pointTimeout)
	defer cancel()
	held, err := readTail(ctx, r.conn, span{partition: partition, first: offset, next: offset + 1})
	if err != nil || len(held) == 0 {
		return time.Time{}, false, err
	}
	return held[0].appended, true, nil
}
