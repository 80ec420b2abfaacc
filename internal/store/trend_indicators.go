package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/waspada-hub/waspada/pkg/fraud"
)

// Different indicators cannot be added up, and a year of sketches takes long to unite. So days and weeks have sketches over
// all partners, for those who see everything, and say how many each of them counts.

// weekOf is the beginning of the week in Malaysia that a time belongs to.
func weekOf(at string) string {
	return "toDateTime(toDateTime(toStartOfWeek(" + at + ", 1, '" + Zone + "'), '" + Zone + "'), 'UTC')"
}

func addIndicatorSums(days []time.Time) string {
	return "INSERT INTO trend_indicator_sums (" + indicatorSumColumns + ") " + sumsOfIndicators(days) + spill
}

// sumsOfIndicators unites the sketches of some days, and those of the weeks around them.
func sumsOfIndicators(days []time.Time) string {
	unite := func(grain, at, within string) string {
		return fmt.Sprintf("SELECT '%s' AS grain, dimension, %s AS at, key, uniqCombined64MergeState(15)(indicators) AS all "+
			"FROM trend_indicators WHERE %s GROUP BY dimension, at, key", grain, at, within)
	}
	return "SELECT grain, dimension, at, key, finalizeAggregation(all) AS n, all FROM (" +
		unite("day", "day", ofBuckets("day", days, day)) + " UNION ALL " +
		unite("week", weekOf("day"), ofBuckets("day", wholeWeeks(days), day)) + ")"
}

// wholeWeeks are all days of the weeks of some days.
func wholeWeeks(days []time.Time) (all []time.Time) {
	for _, monday := range mondays(days) {
		for i := range 7 {
			all = append(all, monday.AddDate(0, 0, i))
		}
	}
	return all
}

// mondays are the beginnings of the weeks of some days, which are in order.
func mondays(days []time.Time) (all []time.Time) {
	for _, d := range days {
		all = append(all, mondayBefore(d))
	}
	return slices.CompactFunc(all, time.Time.Equal)
}

// mondayBefore is the last beginning of a week that is not after a day.
func mondayBefore(d time.Time) time.Time {
	d = d.In(zone)
	return d.AddDate(0, 0, -(int(d.Weekday())+6)%7)
}

// hasIndicatorSums reports whether sums of indicators answer a question that goes by days.
func hasIndicatorSums(q *fraud.SeriesQuestion) bool {
	return q.Metric == fraud.IndicatorCount && q.Asker != nil && q.Asker.Kind.Authority()
}

// indicatorSums is a SELECT of at, key and different. What the sums count is read off where they know all of a bucket; elsewhere,
// and where the question is of more than a row of theirs, sketches are united.
func (p *plan) indicatorSums(ctx context.Context, conn driver.Conn, who *who) (string, error) {
	known, err := daySums.known(ctx, conn) // before the sums
	if err != nil {
		return "", err
	}
	stale, err := touchedBuckets(ctx, conn, dayOf, known.recent(), p.days)
	if err != nil {
		return "", tooMuch(err)
	}
	var (
		from, to    = p.q.From, p.q.To
		grain, step = "day", day
		bucket      = "at" // of a sketch
		bucketHere  = dayOf
		key         = "key"
		parts       []string
	)
	if p.q.Bucket == fraud.Weekly {
		grain, step, stale, bucketHere = "week", 7*day, mondays(stale), weekOf("hour")
	}
	sums := "FROM trend_indicator_sums WHERE dimension = " + literal(p.q.By.String()) + p.ofCells + " AND "
	united := within(grain, from, to)
	switch {
	case p.q.Bucket == fraud.Window:
		bucket = fmt.Sprintf("toDateTime(%d, 'UTC')", from.Unix())
		bucketHere = bucket
		if first, last := mondayBefore(from.AddDate(0, 0, 6)), mondayBefore(to); first.Before(last) {
			united = within("day", from, first) + " OR " + within("week", first, last) + " OR " + within("day", last, to)
		}
	case p.q.By != fraud.ByPartnerKind: // partners of a kind may know the same indicators
		old := ofBuckets("at", stale, step)
		parts = append(parts, fmt.Sprintf("SELECT at AS b, key AS k, max(n) AS v %s %s AND NOT %s GROUP BY b, k", sums, united, old))
		united += " AND " + old
	}
	if p.q.By == fraud.ByPartnerKind {
		key = who.kinds("key")
	}
	sketches := fmt.Sprintf("SELECT %s AS b, %s AS k, indicators %s (%s)", bucket, key, sums, united)
	if len(stale) > 0 {
		sketches += fmt.Sprintf(" UNION ALL SELECT %s AS b, %s AS k, %s AS indicators FROM events WHERE (%s) AND digest != %s %s "+
			"GROUP BY b, k", bucketHere, strings.ReplaceAll(key, "key", keyOf[p.q.By]), sketchOf, known.recent(), erasedDigest,
			p.days+p.within)
	}
	if len(parts) == 0 || len(stale) > 0 {
		parts = append(parts, "SELECT b, k, uniqCombined64Merge(15)(indicators) AS v FROM ("+sketches+") GROUP BY b, k")
	}
	return "SELECT b AS at, k AS key, v AS different FROM (" + strings.Join(parts, " UNION ALL ") + ")", nil
}

// within is the condition for the sums of a grain from one time to another.
func within(grain string, from, to time.Time) string {
	return fmt.Sprintf("(grain = '%s' AND at >= toDateTime(%d, 'UTC') AND at < toDateTime(%d, 'UTC'))", grain, from.Unix(), to.Unix())
}
