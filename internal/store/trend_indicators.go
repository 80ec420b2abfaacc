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

// Different indicators cannot be added up, and a year of sketches takes long to unite. So for those who see everything each
// day and week has the number of its indicators over all partners, and each week a sketch of them, too.

// weekOf is the beginning of the week in Malaysia that a time belongs to.
func weekOf(at string) string {
	return "toDateTime(toDateTime(toStartOfWeek(" + at + ", 1, '" + Zone + "'), '" + Zone + "'), 'UTC')"
}

func addIndicatorSums(days []time.Time) string {
	return "INSERT INTO trend_indicator_sums (" + indicatorSumColumns + ") " + sumsOfIndicators(days) + spill
}

// sumsOfIndicators counts the indicators of some days, and unites the sketches of the weeks around them. Those of days stay
// where they are: they would be as large as the ones that they are made of.
func sumsOfIndicators(days []time.Time) string {
	const (
		count = "uniqCombined64Merge(15)(indicators) AS n"
		none  = "defaultValueOfTypeName('AggregateFunction(uniqCombined64(15), FixedString(32))')"
	)
	sums := func(grain, at, state, within string) string {
		return fmt.Sprintf("SELECT '%s' AS grain, dimension, %s AS at, key, %s, %s AS all FROM trend_indicators WHERE %s "+
			"GROUP BY dimension, at, key", grain, at, count, state, within)
	}
	return sums("day", "day", none, ofBuckets("day", days, day)) + " UNION ALL " +
		sums("week", weekOf("day"), "uniqCombined64MergeState(15)(indicators)", ofBuckets("day", wholeWeeks(days), day))
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
		bucket      = dayOf // of an event
		days, weeks string  // whose sketches are united
		parts       []string
	)
	of := "dimension = " + literal(p.q.By.String()) + p.ofCells
	switch p.q.Bucket {
	case fraud.Window:
		bucket, days = fmt.Sprintf("toDateTime(%d, 'UTC')", from.Unix()), between("day", from, to)
		if first, last := mondayBefore(from.AddDate(0, 0, 6)), mondayBefore(to); first.Before(last) {
			days, weeks = between("day", from, first)+" OR "+between("day", last, to), between("at", first, last)
		}
	case fraud.Weekly:
		bucket, weeks = weekOf("hour"), between("at", from, to)
	default:
		days = between("day", from, to)
	}
	if p.q.Bucket != fraud.Window && p.q.By != fraud.ByPartnerKind { // partners of a kind may know the same indicators
		grain, old := "day", ofBuckets("at", stale, day)
		if days = ofBuckets("day", stale, day); p.q.Bucket == fraud.Weekly {
			grain, old, days = "week", ofBuckets("at", mondays(stale), 7*day), ""
			weeks = old
		}
		parts = append(parts, fmt.Sprintf("SELECT at AS b, key AS k, max(n) AS v FROM trend_indicator_sums WHERE grain = '%s' AND %s AND %s "+
			"AND NOT %s GROUP BY b, k", grain, of, between("at", from, to), old))
	}
	if len(parts) == 0 || len(stale) > 0 {
		parts = append(parts, p.unite(who, of, bucket, days, weeks, known.recent(), len(stale) > 0))
	}
	return "SELECT b AS at, k AS key, v AS different FROM (" + strings.Join(parts, " UNION ALL ") + ")", nil
}

// unite is a SELECT of b, k and v: how many different indicators the sketches of some days and weeks have together, and the
// ledger's messages that are not known, if there are any.
func (p *plan) unite(who *who, of, bucket, days, weeks, unknown string, any bool) string {
	key := "key"
	if p.q.By == fraud.ByPartnerKind {
		key = who.kinds("key")
	}
	at := func(column string) string {
		if p.q.Bucket == fraud.Window {
			return bucket
		}
		return column
	}
	var sketches []string
	if days != "" {
		sketches = append(sketches, fmt.Sprintf("SELECT %s AS b, %s AS k, indicators FROM trend_indicators WHERE %s AND (%s)",
			at("day"), key, of, days))
	}
	if weeks != "" {
		sketches = append(sketches, fmt.Sprintf("SELECT %s AS b, %s AS k, indicators FROM trend_indicator_sums WHERE grain = 'week' "+
			"AND %s AND (%s)", at("at"), key, of, weeks))
	}
	if any {
		sketches = append(sketches, fmt.Sprintf("SELECT %s AS b, %s AS k, %s AS indicators FROM events WHERE (%s) AND digest != %s %s "+
			"GROUP BY b, k", bucket, strings.ReplaceAll(key, "key", keyOf[p.q.By]), sketchOf, unknown, erasedDigest, p.days+p.within))
	}
	return "SELECT b, k, uniqCombined64Merge(15)(indicators) AS v FROM (" + strings.Join(sketches, " UNION ALL ") + ") GROUP BY b, k"
}

// between is the condition for a column of times to lie between two.
func between(column string, from, to time.Time) string {
	return fmt.Sprintf("(%[1]s >= toDateTime(%[2]d, 'UTC') AND %[1]s < toDateTime(%[3]d, 'UTC'))", column, from.Unix(), to.Unix())
}
