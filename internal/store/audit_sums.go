package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// SumAudit compares the sums of trends with the finer roll-ups that they were made of, which others compare with the
// ledger.
type SumAudit struct {
	// Checked is how many were made anew, of indicators too, and Wrong how many of them differ.
	Checked uint64 `json:"checked"`
	Wrong   uint64 `json:"wrong"`
}

func (r *Reader) auditSums(ctx context.Context, a *AuditReport) error {
	for _, s := range []*sums{&hourSums, &daySums} {
		buckets, err := r.bucketsOf(ctx, s)
		if err != nil {
			return err
		}
		for some := range slices.Chunk(buckets, s.atOnce) {
			if err := r.auditBuckets(ctx, &a.Sums, s, some); err != nil {
				return err
			}
		}
	}
	return nil
}

// bucketsOf are the hours or days that sums or a finer roll-up hold.
func (r *Reader) bucketsOf(ctx context.Context, s *sums) (all []time.Time, err error) {
	finer := "SELECT hour FROM trend_cells"
	if s == &daySums {
		finer = "SELECT day FROM trend_days"
	}
	query := fmt.Sprintf("SELECT DISTINCT toInt64(toUnixTimestamp(at)) AS at FROM ("+
		"SELECT at FROM trend_sums WHERE grain = '%s' UNION ALL %s) ORDER BY at", s.grain, finer)
	err = each(ctx, r.conn, "audit sums of trends", query, func(rows driver.Rows) error {
		var at int64
		err := rows.Scan(&at)
		all = append(all, time.Unix(at, 0))
		return err
	})
	return all, err
}

func (r *Reader) auditBuckets(ctx context.Context, sum *SumAudit, s *sums, buckets []time.Time) error {
	span := " " + hours(mondayBefore(buckets[0]), mondayBefore(buckets[len(buckets)-1]).AddDate(0, 0, 7))
	for i := 1; ; i++ {
		known, err := s.known(ctx, r.conn)
		if err != nil {
			return err
		}
		stale, err := touchedBuckets(ctx, r.conn, s.bucket, known.beyond(), span)
		if err != nil {
			return err
		}
		var a SumAudit
		for _, query := range s.differences(buckets, stale) {
			var checked, wrong uint64
			if err := r.conn.QueryRow(ctx, query+spill).Scan(&checked, &wrong); err != nil {
				return classify("audit sums of trends", err)
			}
			a.Checked, a.Wrong = a.Checked+checked, a.Wrong+wrong
		}
		if a.Wrong > 0 && i < attempts {
			continue
		}
		sum.Checked, sum.Wrong = sum.Checked+a.Checked, sum.Wrong+a.Wrong
		return nil
	}
}

// differences are SELECTs of how many sums some hours or days have that are not stale, and how many of them differ.
func (s *sums) differences(buckets, stale []time.Time) []string {
	const cell = "dimension, p, at, key, kind, a"
	known := without(buckets, stale)
	all := []string{fmt.Sprintf(`
		SELECT count(), countIf(shown != due) FROM (
			SELECT %[1]s, maxIf((e, hit, lost, reporters), summed) AS shown, maxIf((e, hit, lost, reporters), NOT summed) AS due
			FROM (
				SELECT toString(dimension) AS dimension, partner AS p, at, key, kind, audience AS a, max(events) AS e,
					max(with_loss) AS hit, max(losses) AS lost, arraySort(groupUniqArrayArray(reporters)) AS reporters, true AS summed
				FROM trend_sums WHERE grain = '%[2]s' AND %[3]s GROUP BY %[1]s
				UNION ALL
				SELECT %[1]s, e, hit, lost, arraySort(said), false FROM (%[4]s))
			GROUP BY %[1]s)`, cell, s.grain, ofBuckets("at", known, s.step), s.cells(known))}
	if s.sketches == nil {
		return all
	}
	const sketch = "grain, dimension, at, key"
	weeks := without(mondays(buckets), mondays(stale))
	known = slices.DeleteFunc(known, func(d time.Time) bool { return !slices.ContainsFunc(weeks, mondayBefore(d).Equal) })
	return append(all, fmt.Sprintf(`
		SELECT count(), countIf(abs(shown - due) > if(due <= %[5]d, 0, due * %[6]g) OR abs(united - due) > if(due <= %[5]d, 0, due * %[6]g))
		FROM (
			SELECT %[1]s, toInt64(maxIf(n, summed)) AS shown, toInt64(maxIf(n, NOT summed)) AS due,
				if(grain = 'day', shown, toInt64(maxIf(united, summed))) AS united
			FROM (
				SELECT toString(grain) AS grain, toString(dimension) AS dimension, at, key, max(n) AS n,
					uniqCombined64Merge(15)(indicators) AS united, true AS summed
				FROM (SELECT %[1]s, n, indicators FROM trend_indicator_sums
					WHERE grain = 'day' AND %[2]s OR grain = 'week' AND %[3]s)
				GROUP BY %[1]s
				UNION ALL
				SELECT grain, toString(dimension), at, key, n, 0, false FROM (%[4]s))
			GROUP BY %[1]s)`, sketch, ofBuckets("at", known, day), ofBuckets("at", weeks, 7*day), s.sketches(known), sketchExact,
		sketchError))
}

// without are those of some times that are not among others.
func without(some, others []time.Time) (left []time.Time) {
	for _, t := range some {
		if !slices.ContainsFunc(others, t.Equal) {
			left = append(left, t)
		}
	}
	return left
}
