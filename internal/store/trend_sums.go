package store

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/waspada-hub/waspada/pkg/fraud"
)

// sums are hours or days of trends, summed up over partners: what a finer roll-up counts, made of it.
type sums struct {
	grain           string
	finer, progress string // the tables that tell how far the finer roll-up has come, and the sums
	step            time.Duration
	bucket          string // of an event
	// atOnce bounds how many hours or days are summed up by one statement.
	atOnce int
	of     []fraud.Dimension
	// cells is a SELECT of sumColumns for some hours or days (p, a, e, hit, lost and said stand for the names of finer
	// columns).
	cells func([]time.Time) string
}

const sumColumns = "grain, dimension, partner, at, key, kind, audience, events, with_loss, losses, reporters"

// A row of sums or sketches stands under a partner and an audience: 0 is all partners; where not everyone may be told there is the
// partner itself, too; and everything is what all of them said, whoever may be told.
const (
	everything = "65535" // no partner has this number
	told       = "arrayJoin(if(audience = 0, [(0, 0), (" + everything + ", 0)], " +
		"[(0, audience), (partner, audience), (" + everything + ", 0)])::Array(Tuple(UInt16, UInt8)))"
)

var (
	hourSums = sums{
		grain: "hour", finer: cellsProgress, progress: "trend_sums_of_hours_progress", step: time.Hour, bucket: "hour",
		atOnce: 7 * 24,
		of:     []fraud.Dimension{fraud.ByType, fraud.ByCategory, fraud.ByPartnerKind},
		cells:  sumsOfHours,
	}
	daySums = sums{
		grain: "day", finer: daysProgress, progress: "trend_sums_of_days_progress", step: day, bucket: dayOf,
		atOnce: daysAtOnce,
		of:     append([]fraud.Dimension{fraud.ByPartnerKind}, rolledBy...),
		cells:  sumsOfDays,
	}
)

func sumsOfHours(hours []time.Time) string {
	return `SELECT 'hour', dimension, told.1 AS p, at, key, kind, told.2 AS a, sum(n) AS e, 0 AS hit, 0 AS lost,
			groupUniqArray(partner) AS said FROM (
			SELECT at, dimension, key, kind, partner, n, ` + told + ` AS told FROM (
				SELECT hour AS at, type, category, kind, partner, audience, max(events) AS n
				FROM trend_cells WHERE ` + ofBuckets("at", hours, time.Hour) + `
				GROUP BY at, type, category, kind, partner, audience)
			ARRAY JOIN ['type', 'category', 'partner_kind'] AS dimension,
				[toUInt16(CAST(type, 'Int8')), category, partner] AS key)
		GROUP BY dimension, told, at, key, kind`
}

func sumsOfDays(days []time.Time) string {
	return `SELECT 'day', form.1 AS dimension, told.1 AS p, at, form.2 AS key, kind, told.2 AS a, sum(n) AS e, sum(w) AS hit,
			sum(l) AS lost, groupUniqArray(partner) AS said FROM (
			SELECT at, form, kind, partner, n, w, l, ` + told + ` AS told FROM (
				SELECT CAST(dimension, 'String') AS name, day AS at, key, kind, partner, audience, max(events) AS n,
					max(with_loss) AS w, max(losses) AS l
				FROM trend_days WHERE ` + ofBuckets("at", days, day) + ` GROUP BY name, at, key, kind, partner, audience)
			ARRAY JOIN if(name = 'type', [(name, key), ('partner_kind', partner)], [(name, key)]) AS form)
		GROUP BY form, told, at, kind`
}

// sumUp brings sums up to date with the finer roll-up. A sum of counts that only grow only grows, so whatever is written
// twice, or by two nodes at once, the highest is the latest.
func (w *Writer) sumUp(ctx context.Context, s *sums) error {
	rolled, err := readPlaces(ctx, w.conn, s.finer) // before its counts are read, which may only be later
	if err != nil {
		return err
	}
	summed, err := s.known(ctx, w.conn)
	if err != nil {
		return err
	}
	fresh, next := summed.upTo(rolled)
	if len(next) == 0 {
		return nil
	}
	touched, err := touchedBuckets(ctx, w.conn, s.bucket, fresh, "")
	if err != nil {
		return err
	}
	for some := range slices.Chunk(touched, s.atOnce) {
		if err := w.conn.Exec(ctx, "INSERT INTO trend_sums ("+sumColumns+") "+s.cells(some)+spill); err != nil {
			return classify("sum up trends", err)
		}
	}
	return insert(ctx, w.conn, s.progress, progressColumns, next)
}

// known is how far the sums have come. Where they tell of no append time, a version wrote them that did not make all of
// today's.
func (s *sums) known(ctx context.Context, conn driver.Conn) (places, error) {
	all, err := readPlaces(ctx, conn, s.progress)
	maps.DeleteFunc(all, func(_ int32, at place) bool { return at.appended.IsZero() })
	return all, err
}

// touchedBuckets are the hours, days or weeks that messages of a condition fall into, in order.
func touchedBuckets(ctx context.Context, conn driver.Conn, bucket, touched, within string) ([]time.Time, error) {
	return bucketsIn(ctx, conn, fmt.Sprintf("SELECT DISTINCT %s AS at FROM events WHERE (%s) %s", bucket, touched, within))
}

// bucketsIn are the times that a SELECT of at finds, in order and each once.
func bucketsIn(ctx context.Context, conn driver.Conn, text string) (all []time.Time, err error) {
	query := "SELECT DISTINCT toInt64(toUnixTimestamp(at)) AS at FROM (" + text + ") ORDER BY at"
	err = each(ctx, conn, "find hours, days or weeks", query, func(rows driver.Rows) error {
		var at int64
		err := rows.Scan(&at)
		all = append(all, time.Unix(at, 0))
		return err
	})
	return all, err
}

// ofBuckets is the condition for a column of times to lie in buckets that are given in order.
func ofBuckets(column string, buckets []time.Time, step time.Duration) string {
	return inRanges(column, buckets, func(t time.Time) time.Time { return t.Add(step) })
}

func inRanges(column string, buckets []time.Time, next func(time.Time) time.Time) string {
	if len(buckets) == 0 {
		return "0"
	}
	var ranges []string
	for i := 0; i < len(buckets); {
		j := i + 1
		for j < len(buckets) && buckets[j].Equal(next(buckets[j-1])) {
			j++
		}
		ranges = append(ranges, between(column, buckets[i], next(buckets[j-1])))
		i = j
	}
	return "(" + strings.Join(ranges, " OR ") + ")"
}

// between is the condition for a column of times to lie between two.
func between(column string, from, to time.Time) string {
	return fmt.Sprintf("(%[1]s >= toDateTime(%[2]d, 'UTC') AND %[1]s < toDateTime(%[3]d, 'UTC'))", column, from.Unix(), to.Unix())
}

// summed says which sums answer a question, if any do, and by which of their dimensions.
func summed(q *fraud.SeriesQuestion) (s *sums, by fraud.Dimension) {
	s = &daySums
	if q.Bucket == fraud.Hourly || q.Bucket == fraud.Span {
		s = &hourSums
	}
	by = q.By
	if by == fraud.ByKind { // it is in every row
		by = fraud.ByType
		for _, d := range s.of {
			if len(q.Only[d]) > 0 {
				by = d
			}
		}
	}
	for d, words := range q.Only {
		if len(words) > 0 && d != by && d != fraud.ByKind {
			return nil, 0
		}
	}
	counted := q.Metric != fraud.IndicatorCount && (q.Metric != fraud.LossSum || s == &daySums)
	if q.Across != 0 || !counted || !slices.Contains(s.of, by) {
		return nil, 0
	}
	return s, by
}

// text is a SELECT of at, key and what is counted: events, losses and with_loss, or reporters. It is of the rows of sums
// that are within a condition and in none of the stale hours or days.
func (s *sums) text(q *fraud.SeriesQuestion, by fraud.Dimension, within string, stale []time.Time) string {
	where := fmt.Sprintf("grain = '%s' AND dimension = %s AND at >= toDateTime(%d, 'UTC') AND at < toDateTime(%d, 'UTC')%s%s",
		s.grain, literal(by.String()), q.From.Unix(), q.To.Unix(), within, rowsFor(q.Asker))
	if len(stale) > 0 {
		where += " AND NOT " + ofBuckets("at", stale, s.step)
	}
	key := "key"
	if q.By == fraud.ByKind {
		key = keyOf[fraud.ByKind]
	}
	// Names for what is counted are given outside, where they do not meet the condition.
	if q.Metric == fraud.ReporterCount {
		return fmt.Sprintf("SELECT at, %s AS key, reporters FROM (SELECT at, key, kind, reporters FROM trend_sums WHERE %s)", key,
			where)
	}
	return fmt.Sprintf("SELECT at, %s AS key, n AS events, l AS losses, w AS with_loss FROM ("+
		"SELECT at, key, kind, partner, audience, max(events) AS n, max(with_loss) AS w, max(losses) AS l FROM trend_sums WHERE %s "+
		"GROUP BY partner, at, key, kind, audience)", key, where)
}

// rowsFor is [visibleTo], of rows of sums or sketches.
func rowsFor(p *fraud.Partner) string {
	if p == nil {
		return " AND partner = 0 AND audience = 0"
	}
	if p.Kind.Authority() {
		return " AND partner = " + everything
	}
	in := "audience IN (" + audiencesOf(p) + ")"
	return fmt.Sprintf(" AND (partner = 0 AND %s OR partner != 0 AND NOT %s AND %s)", in, in, ownWords(p))
}
