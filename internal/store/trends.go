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
const cell = "hour, type, category, kind, partner, audience"

// RollUp brings the roll-up of trends up to date. Call it every few seconds, from as many nodes as you like; answers
// are exact without it too, only slower.
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
	recount := fmt.Sprintf("INSERT INTO trend_cells (%s, events) %s", cell,
		countCells("", strings.Join(fresh, " OR ")))
	if err := w.conn.Exec(ctx, recount); err != nil {
		return classify("roll up trends", err)
	}
	// 2. Only now say so. A failure in between counts the same cells again.
	return insert(ctx, w.conn, "trend_cells_progress", progressColumns, next)
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
			SELECT %[1]s, events AS n FROM trend_cells WHERE 1 %[2]s
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
		from := rolled[partition]
		conditions = append(conditions, fmt.Sprintf("kafka_partition = %d AND kafka_offset >= %d", partition, from))
	}
	return strings.Join(conditions, " OR ") + " OR kafka_partition NOT IN (" + strings.Join(known, ", ") + ")"
}

// readProgress tells up to which message of each partition the roll-up has counted.
func readProgress(ctx context.Context, conn driver.Conn) (map[int32]int64, error) {
	return readNext(ctx, conn, "trend_cells_progress")
}

// readNext reads a table of progress.
func readNext(ctx context.Context, conn driver.Conn, table string) (map[int32]int64, error) {
	rolled := map[int32]int64{}
	query := "SELECT kafka_partition, max(next) FROM " + table + " GROUP BY kafka_partition"
	err := each(ctx, conn, "read "+table, query, func(rows driver.Rows) error {
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

// Zone is where days and weeks begin. Its offset is of whole hours, as the roll-up's grain requires.
const Zone = "Asia/Kuala_Lumpur"

var zone = func() *time.Location {
	z, err := time.LoadLocation(Zone)
	if err != nil {
		panic("store: " + err.Error())
	}
	return z
}()

// Series counts events over time, exactly as a direct count over the ledger would at this moment, of what the asker may
// see. Buckets without events are left out; lines are in the order of their keys and points in that of time. A category without a name in
// the taxonomy stands under its decimal code, and events of a partner that [Writer.PutPartners] never named under "".
// A question that makes no sense is a [fraud.Fault] with the parameter as pointer.
func (r *Reader) Series(ctx context.Context, q fraud.SeriesQuestion) ([]fraud.Series, error) {
	if err := validate(q); err != nil {
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
	within := hours(q.From, q.To) + visibleTo(q.Asker)
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
	query := fmt.Sprintf(`
		SELECT toUInt16(%s) AS key, toInt64(toUnixTimestamp(%s)) AS bucket, sum(events) FROM (%s)
		GROUP BY key, bucket`, key, bucket, liveCells(within, rolled))
	counts := map[string]map[int64]uint64{} // several numbers may have one name
	err = each(ctx, r.conn, "read a series", query, func(rows driver.Rows) error {
		var (
			number uint16
			at     int64
			n      uint64
		)
		if err := rows.Scan(&number, &at, &n); err != nil {
			return err
		}
		line := counts[name(number)]
		if line == nil {
			line = map[int64]uint64{}
			counts[name(number)] = line
		}
		line[at] += n
		return nil
	})
	if err != nil {
		return nil, err
	}
	all := make([]fraud.Series, 0, len(counts))
	for _, key := range slices.Sorted(maps.Keys(counts)) {
		line := fraud.Series{Key: key}
		for _, at := range slices.Sorted(maps.Keys(counts[key])) {
			line.Points = append(line.Points, fraud.Point{At: time.Unix(at, 0).UTC(), Value: counts[key][at]})
		}
		all = append(all, line)
	}
	return all, nil
}

// visibleTo is the condition for what a partner may see, as [fraud.Partner.MaySee] tells it.
func visibleTo(p *fraud.Partner) string {
	if p == nil {
		return " AND audience = 0"
	}
	if p.Kind.Authority() {
		return ""
	}
	audiences := []string{"0"}
	for g := fraud.Group(1); g <= fraud.MaxGroup; g++ {
		if p.Groups.Has(g) {
			audiences = append(audiences, strconv.Itoa(int(g)))
		}
	}
	return fmt.Sprintf(" AND (audience IN (%s) OR partner = %d OR partner GLOBAL IN (SELECT number FROM partners "+
		"GROUP BY number HAVING argMax(if(organisation = '', id, organisation), recorded) = %s))",
		strings.Join(audiences, ", "), p.Number, literal(cmp.Or(p.Organisation, p.ID)))
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
			if name := r.categories.Name(fraud.Code(n)); name != "" || n == 0 {
				return name
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

// validate refuses a question that the roll-up's grain could not answer exactly.
func validate(q fraud.SeriesQuestion) error {
	switch {
	case q.Metric != fraud.EventCount && q.Metric != fraud.ReportCount:
		return fraud.Refuse(fraud.ReasonSchema, "/metric", "is required")
	case q.By < fraud.ByType || q.By > fraud.ByKind:
		return fraud.Refuse(fraud.ReasonSchema, "/by", "is required")
	case q.Bucket < fraud.Hourly || q.Bucket > fraud.Weekly:
		return fraud.Refuse(fraud.ReasonSchema, "/bucket", "is required")
	case !storable(q.From) || !begins(q.From, q.Bucket):
		return fraud.Refuse(fraud.ReasonSchema, "/from", "must be the beginning of a bucket in "+Zone)
	case !storable(q.To) || !begins(q.To, q.Bucket):
		return fraud.Refuse(fraud.ReasonSchema, "/to", "must be the beginning of a bucket in "+Zone)
	case !q.From.Before(q.To):
		return fraud.Refuse(fraud.ReasonSchema, "/to", "must be after from")
	}
	return nil
}

func begins(t time.Time, b fraud.Bucket) bool {
	t = t.In(zone)
	if t.Minute() != 0 || t.Second() != 0 || t.Nanosecond() != 0 {
		return false
	}
	return b == fraud.Hourly || t.Hour() == 0 && (b == fraud.Daily || t.Weekday() == time.Monday)
}
