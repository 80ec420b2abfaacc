package store

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // days are Malaysia's on machines without a time zone database, too

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/waspada-hub/waspada/pkg/fraud"
	"github.com/waspada-hub/waspada/pkg/indicator"
)

// cell is the key of a trend's finest count.
const cell = "hour, type, category, kind, partner"

// RollUp brings the roll-up of trends up to date. Call it every few seconds, from as many nodes as you like; answers are
// exact without it too, only slower.
func (w *Writer) RollUp(ctx context.Context) error {
	rolled, err := readProgress(ctx, w.conn)
	if err != nil {
		return err
	}
	stored, err := readRanges(ctx, w.conn)
	if err != nil {
		return err
	}
	// Up to the first hole only: rows that would fill it must still lie ahead.
	var (
		fresh []string
		next  []*span
	)
	for _, partition := range slices.Sorted(maps.Keys(stored)) {
		to, from := stored[partition][0].next, rolled[partition]
		if to > from {
			fresh = append(fresh, fmt.Sprintf("kafka_partition = %d AND kafka_offset >= %d AND kafka_offset < %d",
				partition, from, to))
			next = append(next, &span{partition: partition, next: to})
		}
	}
	if len(next) == 0 {
		return nil
	}
	// 1. Count the touched cells anew.
	recount := fmt.Sprintf("INSERT INTO trend_hours (%s, events) %s", cell,
		countCells("", strings.Join(fresh, " OR ")))
	if err := w.conn.Exec(ctx, recount); err != nil {
		return classify("roll up trends", err)
	}
	// 2. Only now say so. A failure in between counts the same cells again.
	return insert(ctx, w.conn, "trend_progress", progressColumns, next)
}

// countCells counts the different events of each cell that a message of the condition "touched" fell into.
func countCells(within, touched string) string {
	return fmt.Sprintf(`
		SELECT %[1]s, uniqExact(event_id) FROM events
		WHERE (%[1]s) GLOBAL IN (SELECT DISTINCT %[1]s FROM events WHERE (%[3]s) %[2]s) %[2]s
		GROUP BY %[1]s`, cell, within, touched)
}

// liveCells counts each cell as of now: what was rolled up, or what the ledger says where a later message touched it.
// Both are counts of a set that only grows, so the higher is the later. Rolled must have been read before.
func liveCells(within string, rolled map[int32]int64) string {
	return fmt.Sprintf(`
		SELECT %[1]s, max(n) AS events FROM (
			SELECT %[1]s, events AS n FROM trend_hours WHERE 1 %[2]s
			UNION ALL
			%[3]s)
		GROUP BY %[1]s`, cell, within, countCells(within, beyond(rolled)))
}

// beyond is the condition for rows that the roll-up does not know.
func beyond(rolled map[int32]int64) string {
	if len(rolled) == 0 {
		return "1"
	}
	var conditions, known []string
	for _, partition := range slices.Sorted(maps.Keys(rolled)) {
		known = append(known, strconv.Itoa(int(partition)))
		conditions = append(conditions, fmt.Sprintf("kafka_partition = %d AND kafka_offset >= %d", partition, rolled[partition]))
	}
	return strings.Join(conditions, " OR ") + " OR kafka_partition NOT IN (" + strings.Join(known, ", ") + ")"
}

// readProgress tells up to which message of each partition the roll-up has counted.
func readProgress(ctx context.Context, conn driver.Conn) (map[int32]int64, error) {
	rolled := map[int32]int64{}
	const query = "SELECT kafka_partition, max(next) FROM trend_progress GROUP BY kafka_partition"
	err := each(ctx, conn, "read progress of trends", query, func(rows driver.Rows) error {
		var (
			partition uint32
			next      uint64
		)
		if err := rows.Scan(&partition, &next); err != nil {
			return err
		}
		rolled[int32(partition)] = int64(next)
		return nil
	})
	return rolled, err
}

// MaxBuckets is how many points a series may have: a season of hours, or a decade of days.
const MaxBuckets = 4000

// Zone is where days and weeks begin. Its offset is of whole hours, as the roll-up's grain requires.
const Zone = "Asia/Kuala_Lumpur"

var zone = func() *time.Location {
	z, err := time.LoadLocation(Zone)
	if err != nil {
		panic("store: " + err.Error())
	}
	return z
}()

// Series counts events over time, exactly as a direct count over the ledger would at this moment. Each key that counts
// anything has a point for every bucket. Keys are names, but categories are decimal codes of the taxonomy ("" for none),
// and events of a partner that [Writer.PutPartners] never named stand under "". A question that makes no sense is a
// [fraud.Fault] with the parameter as pointer.
func (r *Reader) Series(ctx context.Context, q fraud.SeriesQuestion) ([]fraud.Series, error) {
	starts, err := bucketsOf(q)
	if err != nil {
		return nil, err
	}
	key := map[fraud.Dimension]string{
		fraud.ByType: "CAST(type, 'Int8')", fraud.ByCategory: "category", fraud.ByPartnerKind: "partner",
		fraud.ByKind: "CAST(kind, 'Int8')",
	}[q.By]
	bucket := map[fraud.Bucket]string{
		fraud.Hourly: "hour",
		fraud.Daily:  "toStartOfDay(hour, '" + Zone + "')",
		fraud.Weekly: "toDateTime(toStartOfWeek(hour, 1, '" + Zone + "'), '" + Zone + "')",
	}[q.Bucket]
	within := hours(q.From, q.To)
	if q.Metric == fraud.ReportCount {
		within += " AND kind = 'report'"
	}
	name, err := r.names(ctx, q.By)
	if err != nil {
		return nil, err
	}
	rolled, err := readProgress(ctx, r.conn) // before the counts: see liveCells
	if err != nil {
		return nil, err
	}
	place := make(map[int64]int, len(starts))
	for i, at := range starts {
		place[at.Unix()] = i
	}
	values := map[string][]uint64{}
	query := fmt.Sprintf("SELECT toUInt16(%s) AS key, toInt64(toUnixTimestamp(%s)) AS bucket, sum(events) FROM (%s) GROUP BY key, bucket",
		key, bucket, liveCells(within, rolled))
	err = each(ctx, r.conn, "read a series", query, func(rows driver.Rows) error {
		var (
			number uint16
			at     int64
			count  uint64
		)
		if err := rows.Scan(&number, &at, &count); err != nil {
			return err
		}
		i, ok := place[at]
		if !ok {
			return fmt.Errorf("a bucket begins at %s, where none should", time.Unix(at, 0).In(zone))
		}
		n := name(number)
		if values[n] == nil {
			values[n] = make([]uint64, len(starts))
		}
		values[n][i] += count
		return nil
	})
	if err != nil {
		return nil, err
	}
	all := make([]fraud.Series, 0, len(values))
	for key, counts := range values {
		s := fraud.Series{Key: key, Points: make([]fraud.Point, len(starts))}
		for i, at := range starts {
			s.Points[i] = fraud.Point{At: at, Value: counts[i]}
		}
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b fraud.Series) int {
		return cmp.Or(cmp.Compare(len(a.Key), len(b.Key))*numeric(q.By), cmp.Compare(a.Key, b.Key))
	})
	return all, nil
}

// numeric is 1 where keys are decimal codes, which sort by length first.
func numeric(d fraud.Dimension) int {
	if d == fraud.ByCategory {
		return 1
	}
	return 0
}

// names turns the stored numbers of a dimension into keys.
func (r *Reader) names(ctx context.Context, by fraud.Dimension) (func(uint16) string, error) {
	switch by {
	case fraud.ByType:
		return func(n uint16) string { return indicator.Type(n).String() }, nil
	case fraud.ByKind:
		return func(n uint16) string { return fraud.Kind(n).String() }, nil
	case fraud.ByCategory:
		return func(n uint16) string {
			if n == 0 {
				return ""
			}
			return strconv.Itoa(int(n))
		}, nil
	}
	kinds := map[uint16]string{}
	const query = "SELECT number, argMax(CAST(kind, 'Int8'), recorded) FROM partners GROUP BY number"
	err := each(ctx, r.conn, "read partners", query, func(rows driver.Rows) error {
		var (
			number uint16
			kind   int8
		)
		if err := rows.Scan(&number, &kind); err != nil {
			return err
		}
		kinds[number] = fraud.PartnerKind(kind).String()
		return nil
	})
	return func(n uint16) string { return kinds[n] }, err
}

// hours is the condition for cells from one time to another.
func hours(from, to time.Time) string {
	return fmt.Sprintf("AND hour >= toDateTime(%d, 'UTC') AND hour < toDateTime(%d, 'UTC')", from.Unix(), to.Unix())
}

// bucketsOf checks a question and lists the beginnings of its buckets, in UTC.
func bucketsOf(q fraud.SeriesQuestion) ([]time.Time, error) {
	switch {
	case q.Metric != fraud.EventCount && q.Metric != fraud.ReportCount:
		return nil, fraud.Refuse(fraud.ReasonSchema, "/metric", "is required")
	case q.By < fraud.ByType || q.By > fraud.ByKind:
		return nil, fraud.Refuse(fraud.ReasonSchema, "/by", "is required")
	case q.Bucket < fraud.Hourly || q.Bucket > fraud.Weekly:
		return nil, fraud.Refuse(fraud.ReasonSchema, "/bucket", "is required")
	case !storable(q.From) || !begins(q.From, q.Bucket):
		return nil, fraud.Refuse(fraud.ReasonSchema, "/from", "must be the beginning of a bucket in "+Zone)
	case !storable(q.To) || !begins(q.To, q.Bucket):
		return nil, fraud.Refuse(fraud.ReasonSchema, "/to", "must be the beginning of a bucket in "+Zone)
	case !q.From.Before(q.To):
		return nil, fraud.Refuse(fraud.ReasonSchema, "/to", "must be after from")
	}
	var starts []time.Time
	for at := q.From.In(zone); at.Before(q.To); at = after(at, q.Bucket) {
		if len(starts) == MaxBuckets {
			return nil, fraud.Refuse(fraud.ReasonSchema, "/from",
				fmt.Sprintf("asks for more than %d points: take a shorter span or a longer bucket", MaxBuckets))
		}
		starts = append(starts, at.UTC())
	}
	return starts, nil
}

func begins(t time.Time, b fraud.Bucket) bool {
	t = t.In(zone)
	if t.Minute() != 0 || t.Second() != 0 || t.Nanosecond() != 0 {
		return false
	}
	return b == fraud.Hourly || t.Hour() == 0 && (b == fraud.Daily || t.Weekday() == time.Monday)
}

func after(t time.Time, b fraud.Bucket) time.Time {
	switch b {
	case fraud.Daily:
		return t.AddDate(0, 0, 1)
	case fraud.Weekly:
		return t.AddDate(0, 0, 7)
	}
	return t.Add(time.Hour)
}
