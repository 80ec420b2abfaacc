package store

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// places are how far a roll-up has come in each partition.
type places map[int32]place

// place is between two messages: every one before next is known, the last of which was appended then, if that is known.
type place struct {
	next     int64
	appended time.Time
}

// readPlaces tells how far a table of progress has come.
func readPlaces(ctx context.Context, conn driver.Conn, table string) (places, error) {
	all := places{}
	query := "SELECT kafka_partition, max(next), toUnixTimestamp64Milli(argMax(appended, next)) FROM " + table +
		" GROUP BY kafka_partition"
	err := each(ctx, conn, "read "+table, query, func(rows driver.Rows) error {
		var (
			partition uint32
			next      uint64
			ms        int64
		)
		if err := rows.Scan(&partition, &next, &ms); err != nil {
			return err
		}
		all[int32(partition)] = place{int64(next), fromMillis(ms)}
		return nil
	})
	return all, unmigrated(err)
}

// beyond is the condition for messages that are not known.
func (all places) beyond() string {
	if len(all) == 0 {
		return "1"
	}
	var conditions, known []string
	for _, partition := range slices.Sorted(maps.Keys(all)) {
		known = append(known, strconv.Itoa(int(partition)))
		conditions = append(conditions, fmt.Sprintf("kafka_partition = %d AND kafka_offset >= %d", partition, all[partition].next))
	}
	return strings.Join(conditions, " OR ") + " OR kafka_partition NOT IN (" + strings.Join(known, ", ") + ")"
}

// recent is beyond for questions. It leaves the ledger's older parts alone, each of which would be opened to find nothing: a
// partition that the roll-up does not know is new, as what it holds. Should a broker's clock have gone wrong by more than
// a day, the roll-up still counts what it appended then.
func (all places) recent() string {
	var since time.Time
	for _, at := range all {
		if at.appended.IsZero() {
			return all.beyond()
		}
		if since.IsZero() || at.appended.Before(since) {
			since = at.appended
		}
	}
	if since.IsZero() {
		return all.beyond()
	}
	return fmt.Sprintf("appended >= toDateTime(%d, 'UTC') AND (%s)", since.Add(-day).Unix(), all.beyond())
}

// upTo is the condition for the messages from these places to others, and what is then known; empty when there are none.
func (all places) upTo(others places) (condition string, next []*span) {
	var conditions []string
	for _, partition := range slices.Sorted(maps.Keys(others)) {
		first, end := all[partition].next, others[partition].next
		if end > first {
			conditions = append(conditions, fmt.Sprintf("kafka_partition = %d AND kafka_offset >= %d AND kafka_offset < %d",
				partition, first, end))
			next = append(next, &span{partition: partition, next: end, appended: others[partition].appended})
		}
	}
	return strings.Join(conditions, " OR "), next
}
