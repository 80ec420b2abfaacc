package store

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// SumAudit compares the sums of trends with the finer roll-ups that they were made of, which others compare with the
// ledger; and counts of indicators with the ledger.
type SumAudit struct {
	// Checked is how many were made anew, and Wrong how many of them differ.
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
func (r *Reader) bucketsOf(ctx context.Context, s *sums) ([]time.Time, error) {
	finer := "SELECT hour FROM trend_cells"
	if s == &daySums {
		finer = "SELECT day FROM trend_days"
	}
	return bucketsIn(ctx, r.conn, "SELECT at FROM trend_sums WHERE grain = '"+s.grain+"' UNION ALL "+finer)
}

func (r *Reader) auditBuckets(ctx context.Context, sum *SumAudit, s *sums, buckets []time.Time) error {
	span := " " + hours(buckets[0], buckets[len(buckets)-1].Add(s.step))
	return r.auditAgain(ctx, sum, func() (string, error) {
		known, err := s.known(ctx, r.conn)
		if err != nil {
			return "", err
		}
		stale, err := touchedBuckets(ctx, r.conn, s.bucket, known.beyond(), span)
		return s.differences(without(buckets, stale)), err
	})
}

// auditAgain counts what a question finds: how many were checked and how many of them are wrong. What seems wrong is looked
// at again, as a roll-up may have run meanwhile.
func (r *Reader) auditAgain(ctx context.Context, sum *SumAudit, question func() (string, error)) error {
	for i := 1; ; i++ {
		query, err := question()
		if err != nil {
			return err
		}
		var a SumAudit
		if err := r.conn.QueryRow(ctx, query+spill).Scan(&a.Checked, &a.Wrong); err != nil {
			return classify("audit sums of trends", err)
		}
		if a.Wrong > 0 && i < attempts {
			continue
		}
		sum.Checked, sum.Wrong = sum.Checked+a.Checked, sum.Wrong+a.Wrong
		return nil
	}
}

// differences is a SELECT of how many sums some hours or days have, and how many of them differ.
func (s *sums) differences(buckets []time.Time) string {
	const cell = "dimension, p, at, key, kind, a"
	return fmt.Sprintf(`
		SELECT count(), countIf(shown != due) FROM (
			SELECT %[1]s, maxIf((e, hit, lost, reporters), summed) AS shown, maxIf((e, hit, lost, reporters), NOT summed) AS due
			FROM (
				SELECT toString(dimension) AS dimension, partner AS p, at, key, kind, audience AS a, max(events) AS e,
					max(with_loss) AS hit, max(losses) AS lost, arraySort(groupUniqArrayArray(reporters)) AS reporters, true AS summed
				FROM trend_sums WHERE grain = '%[2]s' AND %[3]s GROUP BY %[1]s
				UNION ALL
				SELECT %[1]s, e, hit, lost, arraySort(said), false FROM (%[4]s))
			GROUP BY %[1]s)`, cell, s.grain, ofBuckets("at", buckets, s.step), s.cells(buckets))
}

// auditCounts compares the counts of indicators with the ledger, a week at a time, and the sketches of weeks and months with
// those of their days, which were compared with it.
func (r *Reader) auditCounts(ctx context.Context, a *AuditReport) error {
	who, err := readWho(ctx, r.conn)
	if err != nil {
		return err
	}
	days, err := bucketsIn(ctx, r.conn, "SELECT DISTINCT at FROM trend_distinct_counts UNION ALL "+
		"SELECT DISTINCT at FROM trend_distinct_sketches UNION ALL SELECT DISTINCT "+dayOf+" AS at FROM events")
	if err != nil {
		return err
	}
	for _, monday := range weekly.of(days) {
		for _, g := range []*grain{daily, weekly} {
			err := r.auditAgain(ctx, &a.Sums, func() (string, error) { return r.wrongCounts(ctx, who, g, monday) })
			if err != nil {
				return err
			}
		}
	}
	for _, g := range []*grain{weekly, monthly} {
		for _, at := range g.of(days) {
			if err := r.auditAgain(ctx, &a.Sums, func() (string, error) { return r.wrongUnions(ctx, g, at) }); err != nil {
				return err
			}
		}
	}
	return nil
}

// wrongCounts is a SELECT of how many counts a week has, or its days have, that know everything, and how many of them
// differ.
func (r *Reader) wrongCounts(ctx context.Context, who *who, g *grain, monday time.Time) (string, error) {
	counted, err := readPlaces(ctx, r.conn, countsProgress)
	if err != nil {
		return "", err
	}
	week := []time.Time{monday}
	stale, err := touchedBuckets(ctx, r.conn, g.bucket, counted.beyond(), "AND "+weekly.within("hour", week))
	if err != nil {
		return "", err
	}
	const cell, counts = "dimension, at, key", "total, everyone, others, partners"
	return fmt.Sprintf(`
		SELECT count(), countIf(shown != due) FROM (
			SELECT %[1]s, maxIf((%[2]s), rolled) AS shown, maxIf((%[2]s), NOT rolled) AS due FROM (
				SELECT toString(dimension) AS dimension, at, key, %[2]s, true AS rolled
				FROM trend_distinct_counts FINAL WHERE grain = '%[3]s' AND %[4]s
				UNION ALL
				SELECT %[1]s, %[2]s, false FROM (%[5]s))
			WHERE NOT %[6]s AND NOT (dimension = 'partner_kind' AND at IN (
				SELECT at FROM trend_distinct_counts WHERE %[7]s))
			GROUP BY %[1]s)`, cell, counts, g.name, weekly.within("at", week), countIndicators(who, g, weekly.within("hour", week)),
		g.within("at", stale), changedKinds(who, g)), nil
}

// wrongUnions is a SELECT of how many sketches a week or month has, and how many of them differ from those of its days.
func (r *Reader) wrongUnions(ctx context.Context, g *grain, at time.Time) (string, error) {
	sketched, err := readPlaces(ctx, r.conn, sketchesProgress)
	if err != nil {
		return "", err
	}
	some := []time.Time{at}
	stale, err := touchedBuckets(ctx, r.conn, g.bucket, sketched.beyond(), "AND "+g.within("hour", some))
	if err != nil {
		return "", err
	}
	return fmt.Sprintf(`
		SELECT count(), countIf(shown != due AND (due <= %[3]d OR abs(shown - due) > due * %[4]g)) FROM (
			SELECT toInt64(uniqCombined64MergeIf(12)(indicators, grain = '%[1]s')) AS shown,
				toInt64(uniqCombined64MergeIf(12)(indicators, grain = 'day')) AS due
			FROM trend_distinct_sketches WHERE grain IN ('day', '%[1]s') AND %[2]s GROUP BY dimension, partner, key, audience)`,
		g.name, g.within("at", without(some, stale)), sketchExact, sketchError), nil
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
