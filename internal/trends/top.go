package trends

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/waspada-hub/waspada/pkg/fraud"
)

// Bounds of a question about what moved.
const (
	MaxMovers     = 100
	defaultMovers = 20
	maxTopDays    = 366
	usualTop      = 7 * day
)

// Top answers what moved: the keys whose counts of one span of days differ most from another's before it, the largest
// change first, rises and falls alike; suppressed ones come last. Whatever is zero in the question has a default: the last
// seven whole days, against as many before. It returns the question that it answered. What it refuses is a *fraud.Fault
// whose pointer is the parameter at fault.
func (d *Desk) Top(ctx context.Context, q fraud.TopQuestion) (fraud.TopQuestion, []fraud.Mover, error) {
	q, err := completeTop(q, d.now())
	if err != nil {
		return q, nil, err
	}
	counts := func(from, to time.Time) (map[string]fraud.Point, error) {
		lines, err := d.store.Series(ctx, fraud.SeriesQuestion{
			Metric: q.Metric, By: q.By, Only: q.Only, Bucket: fraud.Window, From: from, To: to, Asker: q.Asker,
		})
		if err != nil {
			return nil, fmt.Errorf("trends: %w", err)
		}
		all := map[string]fraud.Point{}
		for _, line := range lines {
			for _, p := range line.Points {
				if !seesAll(q.Asker) {
					p = coarse(q.Metric, p)
				}
				all[line.Key] = p
			}
		}
		return all, nil
	}
	var (
		now, before map[string]fraud.Point
		both        errgroup.Group
	)
	both.Go(func() (err error) {
		now, err = counts(q.From, q.To)
		return err
	})
	both.Go(func() (err error) {
		before, err = counts(q.BaselineFrom, q.BaselineTo)
		return err
	})
	if err := both.Wait(); err != nil {
		return q, nil, err
	}
	scale := float64(q.To.Sub(q.From)) / float64(q.BaselineTo.Sub(q.BaselineFrom))
	var movers []fraud.Mover
	for key, p := range now {
		movers = append(movers, moved(key, p, before[key], scale))
	}
	for key, p := range before {
		if _, known := now[key]; !known {
			movers = append(movers, moved(key, fraud.Point{}, p, scale))
		}
	}
	slices.SortFunc(movers, func(a, b fraud.Mover) int {
		return cmp.Or(order(a.Suppressed, b.Suppressed), cmp.Compare(math.Abs(b.Change), math.Abs(a.Change)),
			cmp.Compare(a.Key, b.Key))
	})
	return q, movers[:min(len(movers), q.Limit)], nil
}

func moved(key string, now, before fraud.Point, scale float64) fraud.Mover {
	if now.Suppressed || before.Suppressed {
		return fraud.Mover{Key: key, Suppressed: true}
	}
	m := fraud.Mover{Key: key, Value: now.Value, Baseline: before.Value, Expected: float64(before.Value) * scale}
	m.Change = float64(m.Value) - m.Expected
	if m.Expected > 0 {
		m.Ratio = float64(m.Value) / m.Expected
	}
	return m
}

// order puts false before true.
func order(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// completeTop fills in defaults, widens the question to whole days and bounds it.
func completeTop(q fraud.TopQuestion, now time.Time) (fraud.TopQuestion, error) {
	q.Metric, q.By = cmp.Or(q.Metric, fraud.EventCount), cmp.Or(q.By, fraud.ByCategory)
	q.Limit = cmp.Or(q.Limit, defaultMovers)
	if q.Limit < 1 || q.Limit > MaxMovers {
		return q, fraud.Refuse(fraud.ReasonSchema, "/limit", fmt.Sprintf("is 1 to %d", MaxMovers))
	}
	if q.To.IsZero() {
		q.To = begin(now, fraud.Daily) // today is not over
	}
	if q.From.IsZero() {
		q.From = q.To.Add(-usualTop)
	}
	length := func() time.Duration { return q.To.Sub(q.From) }
	if err := wholeDays(&q.From, &q.To, "/from", "/to"); err != nil {
		return q, err
	}
	if q.BaselineTo.IsZero() {
		q.BaselineTo = q.From
	}
	if q.BaselineFrom.IsZero() {
		q.BaselineFrom = q.BaselineTo.Add(-length())
	}
	if err := wholeDays(&q.BaselineFrom, &q.BaselineTo, "/baseline_from", "/baseline_to"); err != nil {
		return q, err
	}
	if q.BaselineTo.After(q.From) {
		return q, fraud.Refuse(fraud.ReasonSchema, "/baseline_to", "must not be after from")
	}
	if q.Metric.Distinct() && q.BaselineTo.Sub(q.BaselineFrom) != length() {
		return q, fraud.Refuse(fraud.ReasonSchema, "/baseline_from",
			"must make the baseline as long as the time asked about: what differs in twice the time is not twice as many")
	}
	return q, nil
}

func wholeDays(from, to *time.Time, fromName, toName string) error {
	if !from.Before(*to) {
		return fraud.Refuse(fraud.ReasonSchema, fromName, "must be before "+toName[1:])
	}
	for name, at := range map[string]*time.Time{fromName: from, toName: to} {
		if year := at.Year(); year < 2000 || year > 2100 {
			return fraud.Refuse(fraud.ReasonSchema, name, "must be in the years 2000 to 2100")
		}
	}
	*from = begin(*from, fraud.Daily)
	if start := begin(*to, fraud.Daily); start.Before(*to) {
		*to = start.Add(day)
	} else {
		*to = start
	}
	if to.Sub(*from) > maxTopDays*day {
		return fraud.Refuse(fraud.ReasonSchema, fromName, fmt.Sprintf("lies %d days before %s at most", maxTopDays, toName[1:]))
	}
	return nil
}
