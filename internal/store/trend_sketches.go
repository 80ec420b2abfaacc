package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/waspada-hub/waspada/pkg/fraud"
)

// Different indicators cannot be added up. So each day, week and month has sketches of its indicators, which can be united.

const (
	sketchColumns = "grain, dimension, partner, at, key, audience"
	sketchOf      = "uniqCombined64State(12)(digest)"
	united        = "uniqCombined64Merge(12)(indicators)"
)

// rollUpSketches adds what is new to the sketches of its days, weeks and months.
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

// addSketches are the statements that add the ledger's rows of a condition to the sketches of some days, and of their
// weeks and months.
func addSketches(where string, days []time.Time) (all []string) {
	for _, g := range []*grain{daily, weekly, monthly} {
		for some := range slices.Chunk(g.of(days), g.atOnce) {
			all = append(all, "INSERT INTO trend_distinct_sketches ("+sketchColumns+", indicators) "+
				sketches(g, sketchOf, where+" AND "+g.within("hour", some))+spill)
		}
	}
	return all
}

// sketches is a SELECT of sketchColumns and of something about the digests of the ledger's rows of a condition.
func sketches(g *grain, of, where string) string {
	names, keys := arrays(fraud.Dimensions())
	return fmt.Sprintf(`SELECT '%[1]s' AS grain, dimension, told.1 AS p, at, key, told.2 AS a, %[2]s FROM (
			SELECT at, dimension, key, digest, %[3]s AS told FROM (%[4]s) ARRAY JOIN %[5]s AS dimension, %[6]s AS key)
		GROUP BY dimension, told, at, key`, g.name, of, told, g.spoken(where), names, keys)
}

// unite is a SELECT of b, k and v: how many different indicators the sketches of some days, weeks and months have
// together, and the ledger's messages of a condition, if it is not empty. The bucket is that of an event.
func (p *plan) unite(who *who, bucket string, times map[*grain][]time.Time, unknown string) string {
	key := "key"
	if p.q.By == fraud.ByPartnerKind {
		key = who.kinds("key")
	}
	at := "at"
	if p.q.Bucket == fraud.Window {
		at = bucket
	}
	var parts []string
	of := fmt.Sprintf("dimension = %s%s%s", literal(p.q.By.String()), p.ofSums, rowsFor(p.q.Asker))
	for _, g := range []*grain{daily, weekly, monthly} {
		if len(times[g]) > 0 {
			parts = append(parts, fmt.Sprintf("SELECT %s AS b, %s AS k, indicators FROM trend_distinct_sketches "+
				"WHERE grain = '%s' AND %s AND %s", at, key, g.name, of, g.within("at", times[g])))
		}
	}
	if unknown != "" {
		parts = append(parts, fmt.Sprintf("SELECT %s AS b, %s AS k, %s AS indicators FROM events "+
			"WHERE (%s) AND digest != %s %s GROUP BY b, k", bucket, p.keyOf(who), sketchOf, unknown, erasedDigest, p.days+p.within))
	}
	return "SELECT b, k, " + united + " AS v FROM (" + strings.Join(parts, " UNION ALL ") + ") GROUP BY b, k"
}
