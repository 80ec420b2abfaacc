package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// DayAudit compares the trends' roll-up by days with the ledger, as far as it was rolled up.
type DayAudit struct {
	// Cells is how many were counted anew, and Wrong how many of them differ.
	Cells uint64 `json:"cells"`
	Wrong uint64 `json:"wrong"`
	// Sketches is how many were made anew, and WrongSketches how many of them count other indicators: of up to some
	// hundred any other number, of more one that is off by more than a sketch may be.
	Sketches      uint64 `json:"sketches"`
	WrongSketches uint64 `json:"wrong_sketches"`
}

// auditDays goes through the days of Malaysia, some at a time, because counting different ids takes memory.
func (r *Reader) auditDays(ctx context.Context, a *AuditReport) error {
	spans, err := r.daySpans(ctx, "SELECT "+dayOf+" AS at FROM events UNION ALL SELECT day FROM trend_days UNION ALL "+
		"SELECT at FROM trend_distinct_sketches WHERE grain = 'day'")
	for _, s := range spans {
		if err == nil {
			err = r.auditSpan(ctx, &a.Days, s)
		}
	}
	return err
}

// rowsAtOnce is about how many rows are counted anew together.
const rowsAtOnce = 200_000

// daySpans cuts the time over which rows lie into spans of days, as conditions on hours; at is the time of a row.
func (r *Reader) daySpans(ctx context.Context, rows string) (spans []string, err error) {
	var (
		from, to time.Time
		held     uint64
	)
	cut := func() {
		if held > 0 {
			spans = append(spans, hours(from, to))
		}
	}
	query := fmt.Sprintf("SELECT toInt64(toUnixTimestamp(toStartOfDay(at, '%s'))) AS day, count() FROM (%s) GROUP BY day ORDER BY day",
		Zone, rows)
	err = each(ctx, r.conn, "audit days", query, func(row driver.Rows) error {
		var (
			at int64
			n  uint64
		)
		err := row.Scan(&at, &n)
		if held == 0 || held+n > rowsAtOnce {
			cut()
			from, held = time.Unix(at, 0), 0
		}
		to, held = time.Unix(at, 0).Add(day), held+n
		return err
	})
	cut()
	return spans, err
}

func (r *Reader) auditSpan(ctx context.Context, sum *DayAudit, within string) error {
	for i := 1; ; i++ {
		rolled, err := readPlaces(ctx, r.conn, daysProgress)
		if err != nil {
			return err
		}
		sketched, err := readPlaces(ctx, r.conn, sketchesProgress)
		if err != nil {
			return err
		}
		var d DayAudit
		for query, to := range map[string][2]*uint64{
			wrongCells(rolled.beyond(), within):      {&d.Cells, &d.Wrong},
			wrongSketches(sketched.beyond(), within): {&d.Sketches, &d.WrongSketches},
		} {
			if err := r.conn.QueryRow(ctx, query+spill+", optimize_use_projections = 0").Scan(to[0], to[1]); err != nil {
				return classify("audit trends by days", err)
			}
		}
		if d.Wrong+d.WrongSketches > 0 && i < attempts {
			continue
		}
		sum.Cells, sum.Wrong = sum.Cells+d.Cells, sum.Wrong+d.Wrong
		sum.Sketches, sum.WrongSketches = sum.Sketches+d.Sketches, sum.WrongSketches+d.WrongSketches
		return nil
	}
}

// wrongCells counts the cells of some days that no unknown message touches, and those of them that differ.
func wrongCells(unknown, within string) string {
	names, keys := arrays(rolledBy)
	rows := func(where string) string {
		return fmt.Sprintf("(SELECT %s, %s AS day FROM events WHERE (%s) %s) ARRAY JOIN %s AS dimension, %s AS key",
			cellColumns, dayOf, where, within, names, keys)
	}
	return fmt.Sprintf(`
		SELECT count(), countIf(shown != due) FROM (
			SELECT %[1]s, maxIf((events, with_loss, losses), rolled) AS shown, maxIf((events, with_loss, losses), NOT rolled) AS due
			FROM (
				SELECT toString(dimension) AS dimension, day, key, kind, partner, audience, max(events) AS events,
					max(with_loss) AS with_loss, max(losses) AS losses, true AS rolled
				FROM trend_days WHERE 1 %[2]s GROUP BY %[1]s
				UNION ALL
				SELECT %[1]s, %[3]s, %[4]s, %[5]s, false FROM %[6]s GROUP BY %[1]s)
			WHERE (%[1]s) GLOBAL NOT IN (SELECT DISTINCT %[1]s FROM %[7]s)
			GROUP BY %[1]s)`, dayCell, ofDays(within), counted, withLoss, lossesAtLeast, rows(always), rows(unknown))
}

// sketchExact is up to how many indicators a sketch is exact, and sketchError how far off a larger one may be: seven
// standard errors.
const (
	sketchExact = 100
	sketchError = 0.12
)

// wrongSketches is the same of sketches.
func wrongSketches(unknown, within string) string {
	const cell = "dimension, p, at, key, a"
	return fmt.Sprintf(`
		SELECT count(), countIf(shown != due AND (due <= %[5]d OR abs(shown - due) > due * %[6]g)) FROM (
			SELECT %[1]s, toInt64(maxIf(n, rolled)) AS shown, toInt64(maxIf(n, NOT rolled)) AS due FROM (
				SELECT toString(dimension) AS dimension, partner AS p, at, key, audience AS a, %[7]s AS n, true AS rolled
				FROM trend_distinct_sketches WHERE grain = 'day' %[2]s GROUP BY %[1]s
				UNION ALL
				SELECT %[1]s, n, false FROM (%[3]s))
			WHERE (%[1]s) GLOBAL NOT IN (SELECT %[1]s FROM (%[4]s))
			GROUP BY %[1]s)`, cell, strings.ReplaceAll(within, "hour", "at"), sketches(daily, "uniqExact(digest) AS n", always+" "+within),
		sketches(daily, "count()", "("+unknown+") "+within), sketchExact, sketchError, united)
}

// ofDays is a condition on hours as one on days.
func ofDays(within string) string { return strings.ReplaceAll(within, "hour", "day") }
