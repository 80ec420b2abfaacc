package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/waspada-hub/waspada/pkg/fraud"
)

// Different indicators cannot be added up. So each day and week has sketches of its indicators, which can be united.

const (
	sketchColumns = "grain, dimension, partner, at, key, audience"
	sketchOf      = "uniqCombined64State(12)(digest)"
	united        = "uniqCombined64Merge(12)(indicators)"

	// A sketch stands under partner 0, and where not everyone may be told under the partner itself, too.
	sketchedFor = "arrayJoin(if(audience = 0, [(0, 0)], [(0, audience), (partner, audience)])::Array(Tuple(UInt16, UInt8)))"
)

// rollUpSketches adds what is new to the sketches of its days and weeks.
func (w *Writer) rollUpSketches(ctx context.Context) error {
	fresh, next, err := w.unrolled(ctx, sketchesProgress)
	if err != nil || len(next) == 0 {
		return err
	}
	days, err := touchedBuckets(ctx, w.conn, dayOf, fresh, "")
	if err != nil {
		return err
	}
	for _, statement := range addSketches("("+fresh+")", days) {
		if err := w.conn.Exec(ctx, statement); err != nil {
			return classify("sketch indicators", err)
		}
	}
	return insert(ctx, w.conn, sketchesProgress, progressColumns, next)
}

// grain is what indicators are counted by.
type grain struct {
	name   string
	bucket string // of an event
	step   time.Duration
}

var (
	daily  = &grain{"day", dayOf, day}
	weekly = &grain{"week", weekOf("hour"), 7 * day}
)

const weeksAtOnce = 5

// spoken is a SELECT of at, digest and the dimensions of the ledger's rows of a condition.
func (g *grain) spoken(where string) string {
	return fmt.Sprintf("SELECT digest, %s, %s AS at FROM events WHERE (%s) AND digest != %s", cellColumns, g.bucket, where, erasedDigest)
}

// weekOf is the beginning of the week in Malaysia that a time belongs to.
func weekOf(at string) string {
	return "toDateTime(toDateTime(toStartOfWeek(" + at + ", 1, '" + Zone + "'), '" + Zone + "'), 'UTC')"
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

// addSketches are the statements that add the ledger's rows of a condition to the sketches of some days, and of their weeks.
func addSketches(where string, days []time.Time) (all []string) {
	add := func(g *grain, some []time.Time) {
		all = append(all, "INSERT INTO trend_sketches ("+sketchColumns+", indicators) "+
			sketches(g, sketchOf, where+" AND "+ofBuckets("hour", some, g.step))+spill)
	}
	for some := range slices.Chunk(days, daysAtOnce) {
		add(daily, some)
	}
	for some := range slices.Chunk(mondays(days), weeksAtOnce) {
		add(weekly, some)
	}
	return all
}

// sketches is a SELECT of sketchColumns and of something about the digests of the ledger's rows of a condition.
func sketches(g *grain, of, where string) string {
	names, keys := arrays(fraud.Dimensions())
	return fmt.Sprintf(`SELECT '%[1]s' AS grain, dimension, told.1 AS p, at, key, told.2 AS a, %[2]s FROM (
			SELECT at, dimension, key, digest, %[3]s AS told FROM (%[4]s) ARRAY JOIN %[5]s AS dimension, %[6]s AS key)
		GROUP BY dimension, told, at, key`, g.name, of, sketchedFor, g.spoken(where), names, keys)
}

// unite is a SELECT of b, k and v: how many different indicators the sketches of some days and weeks have together, and
// the ledger's messages of a condition, if it is not empty.
func (p *plan) unite(who *who, bucket, days, weeks, unknown string) string {
	key := "key"
	if p.q.By == fraud.ByPartnerKind {
		key = who.kinds("key")
	}
	at := "at"
	if p.q.Bucket == fraud.Window {
		at = bucket
	}
	var parts []string
	of := fmt.Sprintf("dimension = %s%s%s", literal(p.q.By.String()), p.ofSums, rowsFor(p.q.Asker, "0"))
	for _, g := range []struct{ grain, when string }{{"day", days}, {"week", weeks}} {
		if g.when != "" {
			parts = append(parts, fmt.Sprintf("SELECT %s AS b, %s AS k, indicators FROM trend_sketches WHERE grain = '%s' AND %s AND (%s)",
				at, key, g.grain, of, g.when))
		}
	}
	if unknown != "" {
		parts = append(parts, fmt.Sprintf("SELECT %s AS b, %s AS k, %s AS indicators FROM events WHERE (%s) AND digest != %s %s "+
			"GROUP BY b, k", bucket, strings.ReplaceAll(key, "key", keyOf[p.q.By]), sketchOf, unknown, erasedDigest, p.days+p.within))
	}
	return "SELECT b, k, " + united + " AS v FROM (" + strings.Join(parts, " UNION ALL ") + ") GROUP BY b, k"
}

// between is the condition for a column of times to lie between two.
func between(column string, from, to time.Time) string {
	return fmt.Sprintf("(%[1]s >= toDateTime(%[2]d, 'UTC') AND %[1]s < toDateTime(%[3]d, 'UTC'))", column, from.Unix(), to.Unix())
}
